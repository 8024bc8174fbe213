#include <criterion/criterion.h>
#include <math.h>

#include "base/mem.h"
#include "tests/ops/composed_case.h"

#define SQUARE(k, s, p)                                                                            \
    {                                                                                              \
        k, k, s, s, p, p, p, p, false, {0}                                                         \
    }

static const struct composed_case cases[] = {
    {"2x2/2", NULL, SQUARE(2, 2, 0), {2, 8, 10, 17}, false},
    {"2x2/2 odd map", NULL, SQUARE(2, 2, 0), {2, 9, 7, 3}, true},
    {"3x3/2 padded", NULL, SQUARE(3, 2, 1), {1, 8, 9, 64}, false},
    {"filter 1", "filter=1", SQUARE(2, 2, 0), {1, 6, 6, 3}, false},
    {"filter 7 on a small map", "filter=7", SQUARE(2, 2, 0), {2, 3, 4, 3}, false},
    {"filter 5, stride 3", "filter=5", SQUARE(2, 3, 0), {1, 9, 11, 3}, false},
    {"blur alone", "pre_max=false", SQUARE(2, 2, 0), {2, 7, 8, 3}, false},
    {"blur alone, stride 1", "pre_max=false filter=3", SQUARE(3, 1, 1), {1, 4, 5, 1}, false},
    {"begin padding", NULL, {2, 2, 2, 2, 1, 1, 0, 0, false, {0}}, {1, 6, 5, 3}, false},
    {"one pixel", "pre_max=false", SQUARE(2, 2, 0), {1, 1, 1, 3}, false},
};

static int64_t reflected(int64_t i, int64_t n)
{
    while (n > 1 && (i < 0 || i >= n)) i = i < 0 ? -i : 2 * (n - 1) - i;
    return n > 1 ? i : 0;
}

// Pascal's triangle.
static double coefficient(int64_t size, int64_t i)
{
    if (i == 0 || i == size - 1) return 1.0;
    return coefficient(size - 1, i - 1) + coefficient(size - 1, i);
}

static void reference(const struct pool *pool, const struct ref *x, const struct ref *params,
                      struct ref *y)
{
    (void)params;
    const struct field *fields = pool->def->fields;
    const char *args = (const char *)pool->args;
    int64_t size = *(const int64_t *)(const void *)(args + fields_find(fields, "filter")->offset);
    bool pre_max = *(const bool *)(args + fields_find(fields, "pre_max")->offset);
    struct window win = pool->window;
    if (!pre_max) win = (struct window){1, 1, win.stride_h, win.stride_w, 0, 0, 0, 0, false, {0}};
    int64_t h = x->shape[1], w = x->shape[2], c = x->shape[3];
    int64_t mh = h + win.pad_begin_h + win.pad_end_h - win.kernel_h + 1;
    int64_t mw = w + win.pad_begin_w + win.pad_end_w - win.kernel_w + 1;
    int64_t shape[] = {x->shape[0], (mh - 1) / win.stride_h + 1, (mw - 1) / win.stride_w + 1, c};
    ref_shape(y, 4, shape);
    for (int64_t i = 0; i < (int64_t)ref_count(y); i++) {
        int64_t ch = i % c, ow = i / c % shape[2], oh = i / c / shape[2] % shape[1];
        int64_t image = i / c / shape[2] / shape[1];
        double sum = 0.0, weights = 0.0;
        for (int64_t r = 0; r < size; r++)
            for (int64_t q = 0; q < size; q++) {
                int64_t top = reflected(oh * win.stride_h - (size - 1) / 2 + r, mh);
                int64_t left = reflected(ow * win.stride_w - (size - 1) / 2 + q, mw);
                double largest = -INFINITY, weight = coefficient(size, r) * coefficient(size, q);
                for (int64_t u = top - win.pad_begin_h; u < top - win.pad_begin_h + win.kernel_h;
                     u++)
                    for (int64_t v = left - win.pad_begin_w;
                         v < left - win.pad_begin_w + win.kernel_w; v++)
                        if (u >= 0 && u < h && v >= 0 && v < w)
                            largest = fmax(largest, x->v[((image * h + u) * w + v) * c + ch]);
                sum += weight * largest;
                weights += weight;
            }
        y->v[i] = sum / weights;
    }
}

Test(pool_blur, cases)
{
    composed_check(
        &(const struct composed_test){.pool = "blur", CASES(cases), .reference = reference});
}

Test(pool_blur, constant_stays)
{
    enum { H = 9, W = 8, C = 3 };
    const int64_t shape[4] = {1, H, W, C};
    float x[H * W * C], *y;
    int64_t y_shape[4];
    for (int i = 0; i < H * W * C; i++) x[i] = 0.3f + (float)(i % C);
    composed_run("blur", NULL, window_square(2, 2, 0), shape, x, &y, y_shape);
    for (int64_t i = 0; i < y_shape[1] * y_shape[2] * C; i++)
        cr_expect_float_eq(y[i], x[i % C], 3e-7f * x[i % C]);
    mem_free(y);
}

// A filter of [1 3 3 1] in each direction: of a single 64 in the middle, exact weights remain.
Test(pool_blur, exact_weights)
{
    const int64_t shape[4] = {1, 8, 8, 1};
    float x[64] = {0}, *y;
    int64_t y_shape[4];
    x[3 * 8 + 3] = 64.0f;
    composed_run("blur", "pre_max=false", window_square(2, 2, 0), shape, x, &y, y_shape);
    cr_assert_eq(y_shape[1], 4);
    // Output o covers inputs 2o - 1 ... 2o + 2 with 1, 3, 3, 1.
    const float wanted[4] = {0.0f, 3.0f, 1.0f, 0.0f};
    for (int i = 0; i < 16; i++) cr_expect_eq(y[i], wanted[i / 4] * wanted[i % 4], "output %d", i);
    mem_free(y);
}

Test(pool_blur, refusals)
{
    struct window ceil = window_square(2, 2, 0);
    ceil.ceil_mode = true;
    composed_expect_refusal("blur", NULL, POOL_GLOBAL, window_square(0, 1, 0), "no stride");
    composed_expect_refusal("blur", NULL, POOL_STEM, ceil, "ceil");
}
