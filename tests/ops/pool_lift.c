#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "tests/ops/composed_case.h"

#define HALF                                                                                       \
    {                                                                                              \
        2, 2, 2, 2, 0, 0, 0, 0, false, {0}                                                         \
    }

static const struct composed_case cases[] = {
    {"even map", NULL, HALF, {2, 6, 8, 5}, true},
    {"odd map c17", NULL, HALF, {1, 7, 5, 17}, false},
    {"one channel", "filter=1", HALF, {2, 4, 6, 1}, false},
    {"filter 5, sum", "filter=5 norm=sum", HALF, {2, 8, 6, 3}, false},
    {"smallest map", NULL, HALF, {1, 2, 2, 3}, false},
};

// (rows, cols, channels) of one image.
struct map {
    int64_t h, w, c;
    double *v;
};

static struct map map_make(int64_t h, int64_t w, int64_t c)
{
    struct map map = {h, w, c, (double *)mem_alloc((size_t)(h * w * c), sizeof(double))};
    return map;
}

static struct map transposed(const struct map *x)
{
    struct map y = map_make(x->w, x->h, x->c);
    for (int64_t i = 0; i < x->h * x->w * x->c; i++)
        y.v[(i / x->c % x->w * x->h + i / x->c / x->w) * x->c + i % x->c] = x->v[i];
    return y;
}

// tanh(mix(relu(filter along the row)))
static struct map filtered(const struct map *x, const struct ref *filter, const struct ref *mix)
{
    int64_t taps = filter->shape[0] * filter->shape[1];
    struct map positive = map_make(x->h, x->w, x->c), y = map_make(x->h, x->w, x->c);
    for (int64_t i = 0; i < x->h * x->w * x->c; i++) {
        double sum = 0.0;
        for (int64_t t = 0; t < taps; t++) {
            int64_t col = i / x->c % x->w + t - taps / 2;
            if (col >= 0 && col < x->w)
                sum += filter->v[t * x->c + i % x->c] *
                       x->v[(i / x->c / x->w * x->w + col) * x->c + i % x->c];
        }
        positive.v[i] = fmax(sum, 0.0);
    }
    for (int64_t i = 0; i < x->h * x->w * x->c; i++) {
        double sum = 0.0;
        for (int64_t c = 0; c < x->c; c++)
            sum += mix->v[i % x->c * x->c + c] * positive.v[i / x->c * x->c + c];
        y.v[i] = tanh(sum);
    }
    mem_free(positive.v);
    return y;
}

// Splits along the row into approximation and detail.
static void split(const struct map *x, const struct ref *params, struct map *s, struct map *d)
{
    int64_t half = x->w / 2;
    *s = map_make(x->h, half, x->c);
    *d = map_make(x->h, half, x->c);
    for (int64_t i = 0; i < x->h * half * x->c; i++) {
        int64_t at = (i / x->c / half * x->w + 2 * (i / x->c % half)) * x->c + i % x->c;
        s->v[i] = x->v[at];
        d->v[i] = x->v[at + x->c];
    }
    struct map predicted = filtered(s, &params[0], &params[1]);
    for (int64_t i = 0; i < x->h * half * x->c; i++) d->v[i] -= predicted.v[i];
    struct map update = filtered(d, &params[2], &params[3]);
    for (int64_t i = 0; i < x->h * half * x->c; i++) s->v[i] += update.v[i];
    mem_free(predicted.v);
    mem_free(update.v);
}

static void reference(const struct pool *pool, const struct ref *x, const struct ref *params,
                      struct ref *y)
{
    const struct field *norm = fields_find(pool->def->fields, "norm");
    int is_sum = *(const int *)(const void *)((const char *)pool->args + norm->offset);
    int64_t h = x->shape[1], w = x->shape[2], c = x->shape[3];
    int64_t shape[] = {x->shape[0], h / 2, w / 2, c};
    ref_shape(y, 4, shape);
    for (int64_t image = 0; image < x->shape[0]; image++) {
        struct map whole = {h, w, c, x->v + image * h * w * c}, wide[2];
        split(&whole, params, &wide[0], &wide[1]);
        for (int band = 0; band < 2; band++) {
            struct map upright = transposed(&wide[band]), s, d;
            split(&upright, params + 4, &s, &d);
            for (int64_t i = 0; i < s.h * s.w * c; i++) {
                int64_t at = (i / c % s.w * s.h + i / c / s.w) * c + i % c;
                y->v[image * shape[1] * shape[2] * c + at] +=
                    (s.v[i] + d.v[i]) * (is_sum ? 1.0 : 0.25);
            }
            mem_free(upright.v);
            mem_free(s.v);
            mem_free(d.v);
            mem_free(wide[band].v);
        }
    }
}

Test(pool_lift, cases)
{
    composed_check(&(const struct composed_test){
        .pool = "lift", CASES(cases), .reference = reference, .tolerance = 2e-5});
}

// P and U start as nothing: the sub-bands are the four elements of a window.
Test(pool_lift, starts_as_an_average)
{
    enum { H = 7, W = 6, C = 3 };
    const int64_t shape[4] = {1, H, W, C};
    float x[H * W * C], *mean, *sum, *average;
    int64_t y_shape[4];
    for (int i = 0; i < H * W * C; i++) x[i] = sinf((float)i * 1.37f);
    composed_run("lift", NULL, window_square(2, 2, 0), shape, x, &mean, y_shape);
    composed_run("lift", "norm=sum", window_square(2, 2, 0), shape, x, &sum, y_shape);
    composed_run("avg", NULL, window_square(2, 2, 0), shape, x, &average, y_shape);
    for (int64_t i = 0; i < y_shape[1] * y_shape[2] * C; i++) {
        cr_expect_float_eq(mean[i], average[i], 1e-6f);
        cr_expect_float_eq(sum[i], 4.0f * average[i], 4e-6f);
    }
    mem_free(mean);
    mem_free(sum);
    mem_free(average);
}

Test(pool_lift, refusals)
{
    composed_expect_refusal("lift", NULL, POOL_GLOBAL, window_square(0, 1, 0), "halves the map");
    composed_expect_refusal("lift", NULL, POOL_STEM, window_square(3, 2, 1), "2x2 window");
    composed_expect_refusal("lift", "filter=4", POOL_STEM, window_square(2, 2, 0), "even");
}
