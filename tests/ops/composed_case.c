#include "tests/ops/composed_case.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "backbone/site_pool.h"
#include "base/mem.h"
#include "base/rng.h"
#include "nn/ops_map.h"
#include "tests/ops/harness.h"
#include "tests/ops/pool_case.h"

enum { MAX_ELEMENTS = 10, N_DIRECTIONS = 2 };

// A pool on a backend of its own.
struct layer {
    struct backend *backend;
    struct params *params;
    struct pool *pool;
    struct tape *tape;
};

// One run of it, downloaded.
struct result {
    struct tensor y;
    float *values, *dx, *dparams[POOL_MAX_PARAMS];
};

static void layer_open(struct layer *layer, const char *name, const char *settings,
                       struct window window, int n_channels)
{
    struct pool chosen = {.def = pool_find(name), .window = window};
    cr_assert_not_null(chosen.def, "%s", name);
    pool_settings(chosen.def, settings, chosen.args);
    cr_assert_eq(backend_create_cpu(0, &layer->backend), OK, "%s", fail_message());
    cr_assert_eq(params_create(layer->backend, &layer->params), OK);
    cr_assert_eq(site_pool_create(&chosen, window.kernel_h ? POOL_STEM : POOL_GLOBAL, 0,
                                  layer->params, "pool.", n_channels, &layer->pool),
                 OK, "%s: %s", name, fail_message());
    cr_assert_eq(params_layout(layer->params, 5), OK);
    cr_assert_eq(tape_create(layer->backend, &layer->tape), OK);
    layer->tape->seed = 7;
    layer->tape->step = 3;
}

static void layer_close(struct layer *layer)
{
    tape_destroy(layer->tape);
    site_pool_destroy(layer->pool);
    params_destroy(layer->params);
    backend_destroy(layer->backend);
}

// Parameters that start as zeros or ones would hide what they do.
static void disturb(struct layer *layer, const char *key)
{
    for (int i = 0; i < layer->pool->n_params; i++) {
        struct tensor *t = layer->pool->params[i];
        size_t n = tensor_count(t);
        float *noise = draw_floats(n, (uint32_t)i + 70, key);
        for (size_t j = 0; j < n; j++) ((float *)t->data)[j] += 0.4f * noise[j];
        mem_free(noise);
    }
    layer->backend->params_changed(layer->backend);
}

static float *copy_floats(const void *from, size_t n)
{
    float *to = (float *)mem_alloc(n, sizeof *to);
    cr_assert_not_null(to);
    if (from) memcpy(to, from, n * sizeof *to);
    return to;
}

// dy NULL: inference.
static void run(struct layer *layer, enum dtype dtype, const int64_t shape[4], const float *x,
                const float *dy, bool training, struct result *result)
{
    struct tape *tape = layer->tape;
    struct tensor *in = NULL, *own = NULL, *y = NULL, *wide = NULL, *gradient = NULL;
    size_t n = (size_t)(shape[0] * shape[1] * shape[2] * shape[3]);
    tape_reset(tape);
    params_zero_grad(layer->params);
    tape->recording = dy != NULL;
    tape->training = training;
    cr_assert_eq(tape_upload(tape, DTYPE_F32, 4, shape, x, &in), OK);
    in->needs_grad = dy != NULL;
    cr_assert_eq(cast(tape, in, &(const struct cast_args){dtype}, &own), OK);
    cr_assert_eq(site_pool_forward(layer->pool, tape, own, &y), OK, "%s: %s",
                 layer->pool->def->name, fail_message());
    cr_assert_eq(y->dtype, dtype, "%s: the result has another type", layer->pool->def->name);
    cr_assert_eq(cast(tape, y, &(const struct cast_args){DTYPE_F32}, &wide), OK);
    memset(result, 0, sizeof *result);
    result->y = *y;
    result->values = copy_floats(wide->data, tensor_count(y));
    if (!dy) return;
    cr_assert_eq(tape_upload(tape, DTYPE_F32, 4, y->shape, dy, &gradient), OK);
    cr_assert_eq(tape_backward_from(tape, wide, gradient), OK, "%s", fail_message());
    cr_assert_eq(params_finish_grad(layer->params), OK);
    result->dx = copy_floats(in->grad, n);
    for (int i = 0; i < layer->pool->n_params; i++)
        result->dparams[i] =
            copy_floats(layer->pool->params[i]->grad, tensor_count(layer->pool->params[i]));
}

static void result_free(struct result *result)
{
    mem_free(result->values);
    mem_free(result->dx);
    for (int i = 0; i < POOL_MAX_PARAMS; i++) mem_free(result->dparams[i]);
}

// ---- the reference -----------------------------------------------------------------------------

// Input 0 is x, input 1 + i parameter i.
static void refs_make(const struct layer *layer, const int64_t shape[4], const float *x,
                      struct ref in[1 + POOL_MAX_PARAMS])
{
    memset(in, 0, (1 + POOL_MAX_PARAMS) * sizeof *in);
    for (int i = 0; i <= layer->pool->n_params; i++) {
        const struct tensor *t = i ? layer->pool->params[i - 1] : NULL;
        const float *from = t ? (const float *)t->data : x;
        ref_shape(&in[i], t ? t->rank : 4, t ? t->shape : shape);
        for (size_t j = 0; j < ref_count(&in[i]); j++) in[i].v[j] = (double)from[j];
    }
}

static void refs_clear(struct ref *refs, int n)
{
    for (int i = 0; i < n; i++) mem_free(refs[i].v);
}

static double projected(const struct composed_test *test, const struct layer *layer,
                        const struct ref *in, const float *dy)
{
    struct ref y = {0};
    double sum = 0.0;
    test->reference(layer->pool, &in[0], &in[1], &y);
    for (size_t j = 0; j < ref_count(&y); j++) sum += y.v[j] * (double)dy[j];
    mem_free(y.v);
    return sum;
}

static double slope(const struct composed_test *test, const struct layer *layer, struct ref *in,
                    int i, const double *direction, const float *dy)
{
    const double step = 1e-6;
    size_t n = ref_count(&in[i]);
    double *saved = (double *)mem_alloc(n, sizeof *saved), ends[2];
    memcpy(saved, in[i].v, n * sizeof *saved);
    for (int side = 0; side < 2; side++) {
        for (size_t j = 0; j < n; j++) in[i].v[j] = saved[j] + (side ? -step : step) * direction[j];
        ends[side] = projected(test, layer, in, dy);
    }
    memcpy(in[i].v, saved, n * sizeof *saved);
    mem_free(saved);
    return (ends[0] - ends[1]) / (2.0 * step);
}

static double tolerance_of(const struct composed_test *test)
{
    return test->tolerance > 0.0 ? test->tolerance : 1e-5;
}

static void compare_gradient(const struct composed_test *test, const struct composed_case *c,
                             const struct layer *layer, struct ref *in, int i, const float *got,
                             const float *dy)
{
    size_t n = ref_count(&in[i]);
    double *direction = (double *)mem_alloc(n, sizeof *direction), squares = 0.0;
    struct rng rng;
    rng_start(&rng, 17, RNG_TEST, (uint32_t)i);
    for (size_t j = 0; j < n; j++) squares += (double)got[j] * (double)got[j];
    double rms = sqrt(squares / (double)n), tolerance = 4.0 * tolerance_of(test);
    for (size_t k = 0; k < n && k < MAX_ELEMENTS; k++) {
        size_t j = n <= MAX_ELEMENTS ? k : rng_below(&rng, (uint32_t)n);
        direction[j] = 1.0;
        double wanted = slope(test, layer, in, i, direction, dy);
        direction[j] = 0.0;
        cr_expect(fabs((double)got[j] - wanted) <= tolerance * (fabs(wanted) + rms) + 2e-8,
                  "%s \"%s\": gradient of input %d, element %zu is %.9g, not %.9g", test->pool,
                  c->name, i, j, (double)got[j], wanted);
    }
    for (int k = 0; k < N_DIRECTIONS; k++) {
        double sum = 0.0, size = 0.0;
        for (size_t j = 0; j < n; j++) {
            direction[j] = rng_double(&rng) * 2.0 - 1.0;
            sum += direction[j] * (double)got[j];
            size += fabs(direction[j] * (double)got[j]);
        }
        double wanted = slope(test, layer, in, i, direction, dy);
        cr_expect(fabs(sum - wanted) <= tolerance * size + 2e-8,
                  "%s \"%s\": gradient of input %d along direction %d is %.9g, not %.9g",
                  test->pool, c->name, i, k, sum, wanted);
    }
    mem_free(direction);
}

// ---- properties --------------------------------------------------------------------------------

static void expect_same(const struct composed_test *test, const struct composed_case *c,
                        const char *what, const float *a, const float *b, size_t n)
{
    if (a && b)
        cr_expect_eq(memcmp(a, b, n * sizeof *a), 0, "%s \"%s\": %s", test->pool, c->name, what);
}

static void check_repeats(const struct composed_test *test, const struct composed_case *c,
                          struct layer *layer, const float *x, const float *dy,
                          const struct result *first)
{
    struct result again, inference;
    size_t n = (size_t)(c->shape[0] * c->shape[1] * c->shape[2] * c->shape[3]);
    run(layer, DTYPE_F32, c->shape, x, dy, c->training, &again);
    expect_same(test, c, "a second run differs", first->values, again.values,
                tensor_count(&first->y));
    expect_same(test, c, "a second gradient differs", first->dx, again.dx, n);
    for (int i = 0; i < layer->pool->n_params; i++)
        expect_same(test, c, "a parameter's second gradient differs", first->dparams[i],
                    again.dparams[i], tensor_count(layer->pool->params[i]));
    result_free(&again);
    if (test->is_random) return;
    run(layer, DTYPE_F32, c->shape, x, NULL, false, &inference);
    expect_same(test, c, "inference differs", first->values, inference.values,
                tensor_count(&first->y));
    result_free(&inference);
}

static void check_batch(const struct composed_test *test, const struct composed_case *c,
                        struct layer *layer, const float *x, const struct result *all)
{
    int64_t shape[4] = {1, c->shape[1], c->shape[2], c->shape[3]};
    size_t in = (size_t)(shape[1] * shape[2] * shape[3]);
    size_t out = tensor_count(&all->y) / (size_t)c->shape[0];
    if (test->is_random) return;
    for (size_t k = 0; k < (size_t)c->shape[0]; k++) {
        struct result one;
        double *wanted = (double *)mem_alloc(out, sizeof *wanted);
        for (size_t j = 0; j < out; j++) wanted[j] = (double)all->values[k * out + j];
        run(layer, DTYPE_F32, shape, x + k * in, NULL, false, &one);
        cr_expect_lt(first_difference(one.values, wanted, out, 1e-6), 0,
                     "%s \"%s\": image %zu alone differs", test->pool, c->name, k);
        mem_free(wanted);
        result_free(&one);
    }
}

static void round_to_half(float *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        bits &= 0xFFFF0000u;
        memcpy(&values[i], &bits, sizeof bits);
    }
}

// A map of bf16 gives the f32 result of the same values, rounded.
static void check_half(const struct composed_test *test, const struct composed_case *c,
                       struct layer *layer, const float *x, const float *dy)
{
    size_t n = (size_t)(c->shape[0] * c->shape[1] * c->shape[2] * c->shape[3]);
    float *rounded = copy_floats(x, n);
    struct result wide, half;
    round_to_half(rounded, n);
    run(layer, DTYPE_F32, c->shape, rounded, dy, c->training, &wide);
    run(layer, DTYPE_BF16, c->shape, rounded, dy, c->training, &half);
    for (size_t j = 0; j < tensor_count(&wide.y); j++)
        cr_assert_leq(fabsf(half.values[j] - wide.values[j]),
                      fabsf(wide.values[j]) * (1.0f / 256.0f) + 1e-30f,
                      "%s \"%s\": element %zu in bf16 is %g, not %g", test->pool, c->name, j,
                      (double)half.values[j], (double)wide.values[j]);
    expect_same(test, c, "the gradient in bf16 differs", wide.dx, half.dx, n);
    result_free(&wide);
    result_free(&half);
    mem_free(rounded);
}

static void check_case(const struct composed_test *test, const struct composed_case *c)
{
    struct layer layer;
    struct result result;
    struct ref in[1 + POOL_MAX_PARAMS], y = {0};
    size_t n = (size_t)(c->shape[0] * c->shape[1] * c->shape[2] * c->shape[3]);
    float *x = draw_floats(n, 60, c->name);
    for (size_t j = 0; j < n; j++) x[j] *= 2.0f;
    layer_open(&layer, test->pool, c->settings, c->window, (int)c->shape[3]);
    disturb(&layer, c->name);
    refs_make(&layer, c->shape, x, in);
    test->reference(layer.pool, &in[0], &in[1], &y);
    float *dy = draw_floats(ref_count(&y), 61, c->name);

    run(&layer, DTYPE_F32, c->shape, x, dy, c->training, &result);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(result.y.shape[i], y.shape[i], "%s \"%s\": dimension %d is %lld, not %lld",
                     test->pool, c->name, i, (long long)result.y.shape[i], (long long)y.shape[i]);
    int64_t at = first_difference(result.values, y.v, ref_count(&y), tolerance_of(test));
    cr_expect_lt(at, 0, "%s \"%s\": element %lld is %.9g, not %.9g", test->pool, c->name,
                 (long long)at, (double)result.values[at < 0 ? 0 : at], y.v[at < 0 ? 0 : at]);
    for (int i = 0; i <= layer.pool->n_params; i++)
        compare_gradient(test, c, &layer, in, i, i ? result.dparams[i - 1] : result.dx, dy);
    check_repeats(test, c, &layer, x, dy, &result);
    check_batch(test, c, &layer, x, &result);
    check_half(test, c, &layer, x, dy);

    result_free(&result);
    refs_clear(in, 1 + layer.pool->n_params);
    mem_free(y.v);
    mem_free(dy);
    mem_free(x);
    layer_close(&layer);
}

void composed_check(const struct composed_test *test)
{
    for (size_t i = 0; i < test->n_cases; i++) check_case(test, &test->cases[i]);
}

void composed_run(const char *pool, const char *settings, struct window window,
                  const int64_t shape[4], const float *x, float **y, int64_t y_shape[4])
{
    struct layer layer;
    struct result result;
    layer_open(&layer, pool, settings, window, (int)shape[3]);
    run(&layer, DTYPE_F32, shape, x, NULL, false, &result);
    memcpy(y_shape, result.y.shape, 4 * sizeof *y_shape);
    *y = result.values;
    layer_close(&layer);
}

void composed_expect_refusal(const char *pool, const char *settings, enum pool_site site,
                             struct window window, const char *message)
{
    struct pool chosen = {.def = pool_find(pool), .window = window}, *made = NULL;
    struct params *params = NULL;
    cr_assert_eq(params_create(NULL, &params), OK);
    pool_settings(chosen.def, settings, chosen.args);
    cr_expect_eq(site_pool_create(&chosen, site, 0, params, "pool.", 4, &made), ERR_USAGE,
                 "%s is not refused", pool);
    cr_expect(strstr(fail_message(), message) != NULL, "%s: the message \"%s\" lacks \"%s\"", pool,
              fail_message(), message);
    params_destroy(params);
}
