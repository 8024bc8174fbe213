#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "tests/ops/composed_case.h"

#define WHOLE                                                                                      \
    {                                                                                              \
        0, 0, 1, 1, 0, 0, 0, 0, false, {0}                                                         \
    }

static const struct composed_case cases[] = {
    {"as large as the grid", NULL, WHOLE, {2, 7, 7, 17}, false},
    {"a smaller map", "grid=5", WHOLE, {1, 2, 4, 3}, true},
    {"a larger map", "grid=2", WHOLE, {3, 5, 3, 64}, false},
    {"one place", NULL, WHOLE, {2, 1, 1, 3}, false},
    {"free weights", "norm=penalty grid=4", WHOLE, {2, 4, 4, 3}, true},
    {"free weights, a larger map", "norm=penalty grid=3", WHOLE, {1, 6, 5, 17}, false},
};

// What the grid says at a place of a map of n places along an axis: weights of its points.
static double share(int64_t i, int64_t n, int64_t side, int64_t point)
{
    double at = fmin(fmax(((double)i + 0.5) * (double)side / (double)n - 0.5, 0.0),
                     (double)side - 1.0);
    return fmax(0.0, 1.0 - fabs(at - (double)point));
}

static double logit(const struct ref *theta, int64_t side, const int64_t shape[4], int64_t p,
                    int64_t c)
{
    double sum = 0.0;
    for (int64_t k = 0; k < side * side; k++)
        sum += share(p / shape[2], shape[1], side, k / side) *
               share(p % shape[2], shape[2], side, k % side) * theta->v[k * shape[3] + c];
    return sum;
}

static void reference(const struct pool *pool, const struct ref *x, const struct ref *params,
                      struct ref *y)
{
    const struct field *norm = fields_find(pool->def->fields, "norm");
    bool is_softmax = *(const int *)(const void *)((const char *)pool->args + norm->offset) == 0;
    const int64_t *s = x->shape, shape[] = {s[0], 1, 1, s[3]};
    int64_t side = (int64_t)(sqrt((double)params[0].shape[0]) + 0.5), n = s[1] * s[2];
    ref_shape(y, 4, shape);
    for (int64_t i = 0; i < s[0] * s[3]; i++) {
        int64_t image = i / s[3], c = i % s[3];
        double sum = 0.0, weights = 0.0;
        for (int64_t p = 0; p < n; p++) {
            double t = logit(&params[0], side, s, p, c);
            double w = is_softmax ? exp(t) : t;
            sum += w * x->v[(image * n + p) * s[3] + c];
            weights += w;
        }
        y->v[i] = is_softmax ? sum / weights : sum * (double)(side * side) / (double)n;
    }
}

Test(pool_flex, cases)
{
    composed_check(
        &(const struct composed_test){.pool = "flex", CASES(cases), .reference = reference});
}

static void expect_average(const char *settings, int64_t h, int64_t w)
{
    enum { N = 2, C = 3, MOST = 64 };
    const int64_t shape[4] = {N, h, w, C};
    float x[N * MOST * C], *y;
    int64_t y_shape[4];
    for (int64_t i = 0; i < N * h * w * C; i++) x[i] = (float)(i * 7 % 23) - 9.0f;
    composed_run("flex", settings, window_square(0, 1, 0), shape, x, &y, y_shape);
    for (int64_t i = 0; i < N * C; i++) {
        double sum = 0.0;
        for (int64_t p = 0; p < h * w; p++) sum += (double)x[(i / C * h * w + p) * C + i % C];
        cr_expect_float_eq((double)y[i], sum / (double)(h * w), 1e-5);
    }
    mem_free(y);
}

Test(pool_flex, begins_as_an_average)
{
    expect_average(NULL, 7, 7);
    expect_average("norm=penalty", 7, 7);
    expect_average("norm=penalty grid=4", 3, 6);
}

Test(pool_flex, refusals)
{
    composed_expect_refusal("flex", NULL, POOL_STEM, window_square(3, 2, 1), "whole map");
    composed_expect_refusal("flex", NULL, POOL_GLOBAL, window_square(3, 2, 1), "kernel must be 0");
}
