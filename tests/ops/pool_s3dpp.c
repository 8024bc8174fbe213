#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "tests/ops/composed_case.h"
#include "tests/ops/pool_case.h"

#define SQUARE(k, s)                                                                               \
    {                                                                                              \
        k, k, s, s, 0, 0, 0, 0, false, {0}                                                         \
    }

static const struct composed_case cases[] = {
    {"2x2/2", NULL, SQUARE(2, 2), {2, 6, 8, 5}, false},
    {"2x2/2 odd map c17", "symmetric=false", SQUARE(2, 2), {1, 7, 5, 17}, false},
    {"3x3/2", NULL, SQUARE(3, 2), {1, 8, 9, 3}, false},
};
static const struct composed_case random_cases[] = {
    {"2x2/2 training", NULL, SQUARE(2, 2), {2, 8, 12, 5}, true},
    {"2x2/2 training, odd map", "strips=1 seed=9", SQUARE(2, 2), {1, 7, 9, 3}, true},
    {"3x3/3 training, three strips", "strips=3", SQUARE(3, 3), {1, 19, 10, 17}, true},
};

static double setting(const struct pool *pool, const char *name)
{
    const struct field *field = fields_find(pool->def->fields, name);
    const char *at = (const char *)pool->args + field->offset;
    return field->type == FIELD_BOOL ? *(const bool *)at : *(const double *)(const void *)at;
}

// Detail-preserving pooling of the window that begins at (top, left). Beyond the map's end a window
// of 2x2 sees the last row and column again, as the authors have it; a larger one sees nothing.
static double details(const struct pool *pool, const struct ref *x, const struct ref *params,
                      int64_t image, int64_t top, int64_t left, int64_t ch)
{
    int64_t h = x->shape[1], w = x->shape[2], c = x->shape[3];
    int k = pool->window.kernel_h, n = 0;
    double a[64], v[64], t = 0.0, mean = 0.0, sum = 0.0, weighted = 0.0;
    bool is_symmetric = setting(pool, "symmetric") != 0.0;
    for (int i = 0; i < k * k; i++) {
        int64_t r = top + i / k, q = left + i % k;
        if (k > 2 && (r >= h || q >= w)) continue;
        r = r < h ? r : h - 1;
        q = q < w ? q : w - 1;
        a[n++] = x->v[((image * h + r) * w + q) * c + ch];
    }
    for (int i = 0; i < n; i++) t += a[i] / n;
    for (int i = 0; i < n; i++) {
        double distance = is_symmetric ? a[i] - t : fmax(a[i] - t, 0.0);
        v[i] = distance * distance + setting(pool, "eps");
        mean += v[i] / n;
    }
    for (int i = 0; i < n; i++) {
        double weight = pow(v[i] / mean, exp(params[0].v[ch]) / 2.0) + exp(params[1].v[ch]);
        sum += weight;
        weighted += weight * a[i];
    }
    return weighted / sum;
}

// Rows that training takes: of each strip, in order, row t with probability (rows still needed) /
// (rows left).
static void draw(const struct pool *pool, int64_t in, int64_t out, struct rng *rng, int64_t *taken)
{
    const struct field *field = fields_find(pool->def->fields, "strips");
    int64_t strips = *(const int64_t *)(const void *)((const char *)pool->args + field->offset);
    int64_t stride = pool->window.stride_h, grid = (in + strips - 1) / strips, n = 0;
    while (grid % stride) grid++;
    for (int64_t begin = 0; begin < in; begin += grid) {
        int64_t end = begin + grid < in ? begin + grid : in;
        int64_t need = end < in ? grid / stride : out - n;
        for (int64_t t = begin; t < end && need > 0; t++)
            if (rng_below(rng, (uint32_t)(end - t)) < (uint32_t)need) {
                taken[n++] = t;
                need--;
            }
    }
    cr_assert_eq(n, out);
}

static void reference(const struct pool *pool, const struct ref *x, const struct ref *params,
                      struct ref *y)
{
    const struct window *w = &pool->window;
    int64_t c = x->shape[3], s = w->stride_h, k = w->kernel_h;
    int64_t shape[] = {x->shape[0], (x->shape[1] - k) / s + 1, (x->shape[2] - k) / s + 1, c};
    ref_shape(y, 4, shape);
    for (int64_t i = 0; i < (int64_t)ref_count(y); i++) {
        int64_t top = i / c / shape[2] % shape[1] * s, left = i / c % shape[2] * s;
        for (int64_t j = 0; j < k * k; j++)
            y->v[i] += details(pool, x, params, i / c / shape[2] / shape[1], top + j / k,
                               left + j % k, i % c) /
                       (double)(k * k);
    }
}

static void random_reference(const struct pool *pool, const struct ref *x, const struct ref *params,
                             struct ref *y)
{
    const struct field *field = fields_find(pool->def->fields, "seed");
    int64_t own_seed = *(const int64_t *)(const void *)((const char *)pool->args + field->offset);
    int64_t c = x->shape[3], s = pool->window.stride_h, k = pool->window.kernel_h;
    int64_t shape[] = {x->shape[0], (x->shape[1] - k) / s + 1, (x->shape[2] - k) / s + 1, c};
    int64_t rows[32], cols[32];
    struct rng rng;
    rng_start(&rng, 7 ^ (uint64_t)own_seed << 32, RNG_POOL, 3);
    draw(pool, x->shape[1], shape[1], &rng, rows);
    draw(pool, x->shape[2], shape[2], &rng, cols);
    ref_shape(y, 4, shape);
    for (int64_t i = 0; i < (int64_t)ref_count(y); i++)
        y->v[i] = details(pool, x, params, i / c / shape[2] / shape[1],
                          rows[i / c / shape[2] % shape[1]], cols[i / c % shape[2]], i % c);
}

Test(pool_s3dpp, cases)
{
    composed_check(&(const struct composed_test){
        .pool = "s3dpp", CASES(cases), .reference = reference, .tolerance = 5e-5});
}

Test(pool_s3dpp, draws)
{
    composed_check(&(const struct composed_test){.pool = "s3dpp",
                                                 CASES(random_cases),
                                                 .reference = random_reference,
                                                 .tolerance = 5e-5,
                                                 .is_random = true});
}

Test(pool_s3dpp, constant_stays)
{
    enum { H = 7, W = 6, C = 2 };
    const int64_t shape[4] = {1, H, W, C};
    float x[H * W * C], *y;
    int64_t y_shape[4];
    const char *const settings[] = {NULL, "eval=expected", "eval=sample eval_samples=3"};
    for (int i = 0; i < H * W * C; i++) x[i] = i % C ? -1.7f : 0.3f;
    for (int k = 0; k < 3; k++) {
        composed_run("s3dpp", settings[k], window_square(2, 2, 0), shape, x, &y, y_shape);
        for (int64_t i = 0; i < y_shape[1] * y_shape[2] * C; i++)
            cr_expect_float_eq(y[i], x[i % C], 1e-6f, "%s", settings[k] ? settings[k] : "");
        mem_free(y);
    }
}

Test(pool_s3dpp, refusals)
{
    composed_expect_refusal("s3dpp", NULL, POOL_GLOBAL, window_square(0, 1, 0), "stays a map");
    composed_expect_refusal("s3dpp", NULL, POOL_STEM, window_square(3, 2, 1), "padding");
}
