#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "tests/ops/composed_case.h"

#define SQUARE(k, s, p)                                                                            \
    {                                                                                              \
        k, k, s, s, p, p, p, p, false, {0}                                                         \
    }

static const struct composed_case cases[] = {
    {"3x3/2 padded", NULL, SQUARE(3, 2, 1), {2, 8, 9, 5}, true},
    {"2x2/2 odd map c17", NULL, SQUARE(2, 2, 0), {1, 7, 5, 17}, false},
    {"one channel", "coeff=3", SQUARE(3, 2, 1), {2, 5, 6, 1}, false},
    {"conv1x1", "logit=conv1x1", SQUARE(2, 2, 0), {2, 6, 7, 6}, false},
    {"identity", "logit=identity", SQUARE(3, 2, 1), {2, 7, 8, 17}, false},
    {"bottleneck", "logit=bottleneck width=4", SQUARE(3, 2, 1), {2, 6, 7, 3}, false},
    {"the whole map", NULL, SQUARE(0, 1, 0), {2, 5, 4, 3}, false},
    {"ceil", NULL, {3, 3, 2, 2, 0, 0, 0, 0, true, {0}}, {1, 6, 8, 3}, false},
};

static double setting(const struct pool *pool, const char *name)
{
    const struct field *field = fields_find(pool->def->fields, name);
    const char *at = (const char *)pool->args + field->offset;
    return field->type == FIELD_CHOICE ? *(const int *)(const void *)at
                                       : *(const double *)(const void *)at;
}

// y = relu?( instance norm of x * w (O,k,k,I) )
static void layer(const struct ref *x, const struct ref *params, bool relu, struct ref *y)
{
    const struct ref *w = &params[0];
    int64_t shape[] = {x->shape[0], x->shape[1], x->shape[2], w->shape[0]};
    int64_t pixels = x->shape[1] * x->shape[2], in = x->shape[3], out = w->shape[0];
    int64_t k = w->shape[1], pad = k / 2;
    ref_shape(y, 4, shape);
    for (int64_t i = 0; i < (int64_t)ref_count(y); i++) {
        int64_t o = i % out, col = i / out % shape[2], row = i / out / shape[2] % shape[1];
        int64_t image = i / out / pixels;
        for (int64_t r = 0; r < k; r++)
            for (int64_t q = 0; q < k; q++) {
                int64_t u = row + r - pad, v = col + q - pad;
                if (u < 0 || u >= shape[1] || v < 0 || v >= shape[2]) continue;
                for (int64_t c = 0; c < in; c++)
                    y->v[i] += w->v[((o * k + r) * k + q) * in + c] *
                               x->v[(image * pixels + u * shape[2] + v) * in + c];
            }
    }
    for (int64_t set = 0; set < shape[0] * out; set++) {
        double mean = 0.0, var = 0.0, *v = y->v + set / out * pixels * out + set % out;
        for (int64_t i = 0; i < pixels; i++) mean += v[i * out] / (double)pixels;
        for (int64_t i = 0; i < pixels; i++)
            var += (v[i * out] - mean) * (v[i * out] - mean) / (double)pixels;
        for (int64_t i = 0; i < pixels; i++) {
            double z = (v[i * out] - mean) / sqrt(var + 1e-5) * params[1].v[set % out] +
                       params[2].v[set % out];
            v[i * out] = relu && z < 0.0 ? 0.0 : z;
        }
    }
}

static void reference(const struct pool *pool, const struct ref *x, const struct ref *params,
                      struct ref *y)
{
    struct ref logits = {0};
    ref_shape(&logits, 4, x->shape);
    memcpy(logits.v, x->v, ref_count(x) * sizeof *x->v);
    for (int i = 0; i < pool->n_params; i += 3) {
        struct ref next = {0};
        layer(&logits, params + i, i + 3 < pool->n_params, &next);
        mem_free(logits.v);
        logits = next;
    }
    for (size_t i = 0; pool->n_params && i < ref_count(&logits); i++)
        logits.v[i] = setting(pool, "coeff") / (1.0 + exp(-logits.v[i]));

    struct window win = pool->window;
    int64_t h = x->shape[1], w = x->shape[2], c = x->shape[3];
    if (win.kernel_h == 0) win = (struct window){(int)h, (int)w, 1, 1, 0, 0, 0, 0, false, {0}};
    int64_t shape[] = {x->shape[0],
                       window_output((int)h, win.kernel_h, win.stride_h, win.pad_begin_h,
                                     win.pad_end_h, win.ceil_mode),
                       window_output((int)w, win.kernel_w, win.stride_w, win.pad_begin_w,
                                     win.pad_end_w, win.ceil_mode),
                       c};
    ref_shape(y, 4, shape);
    for (int64_t i = 0; i < (int64_t)ref_count(y); i++) {
        int64_t top = i / c / shape[2] % shape[1] * win.stride_h - win.pad_begin_h;
        int64_t left = i / c % shape[2] * win.stride_w - win.pad_begin_w;
        double sum = 0.0, weighted = 0.0;
        for (int64_t u = top; u < top + win.kernel_h; u++)
            for (int64_t v = left; v < left + win.kernel_w; v++) {
                if (u < 0 || u >= h || v < 0 || v >= w) continue;
                int64_t at = ((i / c / shape[2] / shape[1] * h + u) * w + v) * c + i % c;
                sum += exp(logits.v[at]);
                weighted += exp(logits.v[at]) * x->v[at];
            }
        y->v[i] = weighted / sum;
    }
    mem_free(logits.v);
}

Test(pool_lip, cases)
{
    composed_check(&(const struct composed_test){
        .pool = "lip", CASES(cases), .reference = reference, .tolerance = 4e-5});
}

static void expect_equal_pools(const char *a, const char *a_settings, const char *b,
                               const char *b_settings)
{
    enum { H = 9, W = 11, C = 19, N = H * W * C };
    const int64_t shape[4] = {1, H, W, C};
    float x[N], *ya, *yb;
    int64_t a_shape[4], b_shape[4];
    for (int i = 0; i < N; i++) x[i] = 3.0f * sinf((float)i * 1.37f);
    composed_run(a, a_settings, window_square(3, 2, 1), shape, x, &ya, a_shape);
    composed_run(b, b_settings, window_square(3, 2, 1), shape, x, &yb, b_shape);
    cr_assert_arr_eq(a_shape, b_shape, sizeof a_shape);
    for (int64_t i = 0; i < a_shape[1] * a_shape[2] * C; i++)
        cr_assert_float_eq(ya[i], yb[i], 3e-6f, "output %lld: %g and %g", (long long)i,
                           (double)ya[i], (double)yb[i]);
    mem_free(ya);
    mem_free(yb);
}

Test(pool_lip, identity_logits_are_soft_pool)
{
    expect_equal_pools("lip", "logit=identity", "soft", NULL);
}

Test(pool_lip, starts_as_an_average)
{
    expect_equal_pools("lip", NULL, "avg", NULL);
    expect_equal_pools("lip", "logit=conv1x1", "avg", NULL);
    expect_equal_pools("lip", "logit=bottleneck", "avg", NULL);
}

Test(pool_lip, constant_stays)
{
    const int64_t shape[4] = {1, 5, 6, 2};
    float x[60], *y;
    int64_t y_shape[4];
    for (int i = 0; i < 60; i++) x[i] = i % 2 ? -1.7f : 0.3f;
    composed_run("lip", NULL, window_square(3, 2, 1), shape, x, &y, y_shape);
    for (int64_t i = 0; i < y_shape[1] * y_shape[2] * 2; i++) cr_expect_eq(y[i], x[i % 2]);
    mem_free(y);
}
