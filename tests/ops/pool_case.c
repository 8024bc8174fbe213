#include "tests/ops/pool_case.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "cpu/isa.h"

void pool_settings(const struct pool_def *def, const char *settings, void *args)
{
    memset(args, 0, def->args_bytes);
    if (def->fields) fields_defaults(def->fields, args);
    while (settings && *settings) {
        char name[64], value[64];
        int n = 0;
        cr_assert_eq(sscanf(settings, " %63[^=]=%63s%n", name, value, &n), 2, "%s", settings);
        cr_assert_eq(fields_set_text(def->fields, args, name, value), OK, "%s", fail_message());
        settings += n;
    }
}

// Parameters of the pool, with the layer's values where it has some.
static void create_params(struct pool_layer *layer, struct pool *pool, struct backend *backend,
                          struct params **params)
{
    cr_assert_eq(params_create(backend, params), OK);
    if (pool->def->declare)
        cr_assert_eq(pool->def->declare(pool, *params, "", (int)layer->shape[3]), OK, "%s",
                     fail_message());
    cr_assert_eq(params_layout(*params, 1), OK);
    for (int i = 0; i < pool->n_params; i++)
        if (layer->params[i])
            memcpy(pool->params[i]->data, layer->params[i], tensor_bytes(pool->params[i]));
}

static void run_backward(struct pool_layer *layer, const struct pool *pool, struct tape *tape,
                         struct tensor *x, struct tensor *y)
{
    const struct tape_node *node = tape->nodes[tape->n_nodes - 1];
    struct op_backward_call backward = {.forward = &node->call, .want = {true}};
    layer->dx = (float *)mem_alloc(1, tensor_bytes(x));
    x->grad = layer->dx;
    y->grad = (void *)(uintptr_t)layer->dy; // kernels of pools only read it
    for (int i = 0; i < pool->n_params; i++) backward.want[1 + i] = true;
    cr_assert_eq(pool->def->cpu_backward(&backward), OK);
    x->grad = y->grad = NULL;
    for (int i = 0; i < pool->n_params; i++) {
        layer->dparams[i] = (float *)mem_alloc(1, tensor_bytes(pool->params[i]));
        memcpy(layer->dparams[i], pool->params[i]->grad, tensor_bytes(pool->params[i]));
    }
}

void pool_layer_run(struct pool_layer *layer)
{
    struct backend *backend = NULL;
    struct tape *tape = NULL;
    struct params *params = NULL;
    struct tensor *x, *y;
    struct pool pool = {.def = pool_find(layer->name), .window = layer->window};
    pool_settings(pool.def, layer->settings, pool.args);
    struct pool_op_args own = {.def = pool.def, .window = layer->window, .args = pool.args};
    cr_assert_eq(backend_create_cpu(layer->n_threads, &backend), OK, "%s", fail_message());
    cr_assert_eq(tape_create(backend, &tape), OK);
    create_params(layer, &pool, backend, &params);
    tape->recording = layer->dy != NULL;
    tape->training = layer->training;
    tape->seed = (uint64_t)layer->seed;
    tape->step = layer->step;
    cr_assert_eq(tape_upload(tape, DTYPE_F32, 4, layer->shape, layer->x, &x), OK);
    x->needs_grad = layer->dy != NULL;
    cr_assert_eq(pool_op(tape, x, pool.n_params, pool.params, &own, &y), OK, "%s", fail_message());
    size_t bytes = tensor_bytes(y);
    layer->y = (float *)mem_alloc(1, bytes);
    memcpy(layer->y, y->data, bytes);
    memcpy(layer->y_shape, y->shape, sizeof layer->y_shape);
    if (layer->dy) run_backward(layer, &pool, tape, x, y);
    tape_destroy(tape);
    params_destroy(params);
    backend_destroy(backend);
}

void pool_layer_free(struct pool_layer *layer)
{
    mem_free(layer->y);
    mem_free(layer->dx);
    layer->y = layer->dx = NULL;
    for (int i = 0; i < POOL_MAX_PARAMS; i++) {
        mem_free(layer->dparams[i]);
        layer->dparams[i] = NULL;
    }
}

enum status pool_layer_check(const char *name, const char *settings, struct window window)
{
    struct pool pool = {.def = pool_find(name), .window = window};
    pool_settings(pool.def, settings, pool.args);
    return pool.def->check ? pool.def->check(&pool) : OK;
}

void pool_expect_window(const char *name, const char *settings, const float x[4], double y,
                        const double *dx)
{
    const float dy = 1.0f;
    struct pool_layer layer = {.name = name,
                               .settings = settings,
                               .window = window_square(2, 2, 0),
                               .shape = {1, 2, 2, 1},
                               .x = x,
                               .dy = &dy};
    pool_layer_run(&layer);
    cr_expect_float_eq((double)layer.y[0], y, 1e-6 * (1.0 + fabs(y)), "%s: y is %.9g, not %.9g",
                       name, (double)layer.y[0], y);
    for (int i = 0; dx && i < 4; i++)
        cr_expect_float_eq((double)layer.dx[i], dx[i], 1e-6, "%s: dx[%d] is %.9g, not %.9g", name,
                           i, (double)layer.dx[i], dx[i]);
    pool_layer_free(&layer);
}

static float *draw_from(size_t n, uint32_t key, float low)
{
    float *values = (float *)mem_alloc(n, sizeof *values);
    struct rng rng;
    rng_start(&rng, 23, RNG_TEST, key);
    for (size_t i = 0; i < n; i++) values[i] = rng_uniform(&rng, low, 4.0f);
    return values;
}

static float *draw(size_t n, uint32_t key)
{
    return draw_from(n, key, -4.0f);
}

// Least and largest element of a window of one channel.
static void bounds(const struct pool_layer *layer, int oh, int ow, int ch, float *low, float *high)
{
    const struct window *w = &layer->window;
    *low = INFINITY;
    *high = -INFINITY;
    for (int r = 0; r < w->kernel_h; r++)
        for (int q = 0; q < w->kernel_w; q++) {
            int64_t h = oh * w->stride_h - w->pad_begin_h + r;
            int64_t v = ow * w->stride_w - w->pad_begin_w + q;
            if (h < 0 || h >= layer->shape[1] || v < 0 || v >= layer->shape[2]) continue;
            float a = layer->x[(h * layer->shape[2] + v) * layer->shape[3] + ch];
            *low = fminf(*low, a);
            *high = fmaxf(*high, a);
        }
}

static void expect_between(const char *name, const char *settings, struct window window,
                           float least)
{
    struct pool_layer layer = {.name = name, .settings = settings, .window = window};
    const int64_t shape[4] = {1, 9, 11, 19};
    memcpy(layer.shape, shape, sizeof shape);
    float *x = draw_from((size_t)(9 * 11 * 19), 1, least);
    layer.x = x;
    pool_layer_run(&layer);
    for (int i = 0; i < (int)(layer.y_shape[1] * layer.y_shape[2] * 19); i++) {
        float low, high, slack = 4e-6f;
        bounds(&layer, i / 19 / (int)layer.y_shape[2], i / 19 % (int)layer.y_shape[2], i % 19, &low,
               &high);
        cr_assert(layer.y[i] >= low - slack && layer.y[i] <= high + slack,
                  "%s: %g is outside of its window's %g..%g", name, (double)layer.y[i], (double)low,
                  (double)high);
    }
    pool_layer_free(&layer);
    mem_free(x);
}

static void expect_constant(const char *name, const char *settings, struct window window)
{
    struct pool_layer layer = {
        .name = name, .settings = settings, .window = window, .shape = {1, 6, 7, 3}};
    float x[6 * 7 * 3];
    for (int i = 0; i < 6 * 7 * 3; i++) x[i] = 0.3f + (float)(i % 3);
    layer.x = x;
    pool_layer_run(&layer);
    for (int i = 0; i < (int)(layer.y_shape[1] * layer.y_shape[2] * 3); i++)
        cr_assert_float_eq(layer.y[i], x[i % 3], 1e-6f * x[i % 3], "%s: a constant changes", name);
    pool_layer_free(&layer);
}

static void expect_nan_stays(const char *name, const char *settings)
{
    float x[8 * 8 * 2];
    for (int i = 0; i < 8 * 8 * 2; i++) x[i] = (float)(i % 5);
    x[(2 * 8 + 3) * 2 + 1] = NAN; // row 2, column 3, channel 1: window (1, 1)
    struct pool_layer layer = {.name = name,
                               .settings = settings,
                               .window = window_square(2, 2, 0),
                               .shape = {1, 8, 8, 2},
                               .x = x};
    pool_layer_run(&layer);
    for (int i = 0; i < 4 * 4 * 2; i++)
        cr_assert_eq(isnan(layer.y[i]) != 0, i == (1 * 4 + 1) * 2 + 1, "%s: NaN, output %d", name,
                     i);
    pool_layer_free(&layer);
}

static void expect_mean(const char *name, const char *settings, bool is_positive)
{
    struct window windows[] = {window_square(2, 2, 0), window_square(3, 2, 1),
                               window_square(5, 1, 2)};
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        expect_between(name, settings, windows[i], is_positive ? 0.0f : -4.0f);
        expect_constant(name, settings, windows[i]);
    }
    float x[12] = {1, -2, 3, 4, 5, -6, 7, 8, 9, 10, 1e30f, -1e-30f};
    for (int i = 0; is_positive && i < 12; i++) x[i] = fabsf(x[i]);
    struct pool_layer layer = {.name = name,
                               .settings = settings,
                               .window = window_square(1, 1, 0),
                               .shape = {1, 2, 3, 2},
                               .x = x};
    pool_layer_run(&layer);
    for (int i = 0; i < 12; i++)
        cr_expect_float_eq(layer.y[i], x[i], 1e-6f * fabsf(x[i]), "%s: 1x1 is not the identity",
                           name);
    pool_layer_free(&layer);
    expect_nan_stays(name, settings);
}

void pool_expect_mean(const char *name, const char *settings)
{
    expect_mean(name, settings, false);
}

void pool_expect_positive_mean(const char *name, const char *settings)
{
    expect_mean(name, settings, true);
}

void pool_expect_same(const char *name, const char *settings, const char *other,
                      const char *other_settings, double tolerance, double dx_tolerance)
{
    struct window windows[] = {window_square(2, 2, 0), window_square(3, 2, 1)};
    const int64_t shape[4] = {2, 9, 7, 5};
    float *x = draw(2 * 9 * 7 * 5, 6), *dy = draw(2 * 9 * 7 * 5, 7);
    for (size_t i = 0; i < 2; i++) {
        struct pool_layer a = {
            .name = name, .settings = settings, .window = windows[i], .x = x, .dy = dy};
        memcpy(a.shape, shape, sizeof shape);
        struct pool_layer b = a;
        b.name = other;
        b.settings = other_settings;
        pool_layer_run(&a);
        pool_layer_run(&b);
        for (int64_t k = 0; k < a.y_shape[0] * a.y_shape[1] * a.y_shape[2] * 5; k++)
            cr_assert_float_eq((double)a.y[k], (double)b.y[k], tolerance, "%s: y is %g, %s's is %g",
                               name, (double)a.y[k], other, (double)b.y[k]);
        for (int k = 0; dx_tolerance > 0.0 && k < 2 * 9 * 7 * 5; k++)
            cr_assert_float_eq((double)a.dx[k], (double)b.dx[k], dx_tolerance,
                               "%s: dx is %g, %s's is %g", name, (double)a.dx[k], other,
                               (double)b.dx[k]);
        pool_layer_free(&a);
        pool_layer_free(&b);
    }
    mem_free(x);
    mem_free(dy);
}

void pool_expect_finite(const char *name, const char *settings)
{
    static const float values[] = {0.0f,     -0.0f,   1.0f,   -1.0f,  1e-38f, -1e-38f,
                                   1e-45f,   88.0f,   104.0f, -104.0f, 1e10f, -1e10f,
                                   1e19f,    -1e19f,  3e37f,  -3e37f};
    enum { N = sizeof values / sizeof *values, H = 24, W = 24, C = 3 };
    struct window windows[] = {window_square(2, 2, 0), window_square(3, 2, 1)};
    float x[H * W * C], dy[H * W * C];
    struct rng rng;
    rng_start(&rng, 29, RNG_TEST, 8);
    for (int i = 0; i < H * W * C; i++) {
        x[i] = values[rng_below(&rng, N)];
        dy[i] = 1.0f;
    }
    for (int i = 0; i < 4 * C; i++) x[(i / (2 * C)) * W * C + i % (2 * C)] = 0.0f; // all of a window
    for (size_t i = 0; i < 2; i++) {
        struct pool_layer layer = {.name = name,
                                   .settings = settings,
                                   .window = windows[i],
                                   .shape = {1, H, W, C},
                                   .x = x,
                                   .dy = dy};
        pool_layer_run(&layer);
        for (int k = 0; k < (int)(layer.y_shape[1] * layer.y_shape[2]) * C; k++)
            cr_assert(isfinite(layer.y[k]), "%s: output %d is %g", name, k, (double)layer.y[k]);
        for (int k = 0; k < H * W * C; k++)
            cr_assert(isfinite(layer.dx[k]), "%s: gradient %d is %g", name, k,
                      (double)layer.dx[k]);
        pool_layer_free(&layer);
    }
}

static void expect_streams(const char *name, const char *settings, struct window window)
{
    enum { N = 4, H = 150, W = 170, C = 64 };
    const size_t image = (size_t)H * W * C;
    float *x = draw(N * image, 2), *dy = draw(N * image / 4 + N * image / 64, 3);
    struct pool_layer all = {.name = name,
                             .settings = settings,
                             .window = window,
                             .shape = {N, H, W, C},
                             .x = x,
                             .dy = dy};
    pool_layer_run(&all);
    for (int i = 0; i < N; i++) {
        size_t out = (size_t)(all.y_shape[1] * all.y_shape[2]) * C;
        struct pool_layer one = all;
        one.shape[0] = 1;
        one.x = x + (size_t)i * image;
        one.dy = dy + (size_t)i * out;
        pool_layer_run(&one);
        cr_expect_eq(memcmp(one.y, all.y + (size_t)i * out, out * sizeof(float)), 0,
                     "%s: output of image %d", name, i);
        cr_expect_eq(memcmp(one.dx, all.dx + (size_t)i * image, image * sizeof(float)), 0,
                     "%s: gradient of image %d", name, i);
        pool_layer_free(&one);
    }
    pool_layer_free(&all);
    mem_free(x);
    mem_free(dy);
}

void pool_expect_streams(const char *name, const char *settings)
{
    expect_streams(name, settings, window_square(2, 2, 0));
    expect_streams(name, settings, window_square(3, 2, 1));
}

static void expect_bits(const struct pool_layer *got, const struct pool_layer *wanted,
                        const char *what)
{
    size_t c = (size_t)got->shape[3];
    size_t n_y = (size_t)(got->y_shape[0] * got->y_shape[1] * got->y_shape[2]) * c;
    size_t n_x = (size_t)(got->shape[0] * got->shape[1] * got->shape[2]) * c;
    cr_expect_eq(memcmp(got->y, wanted->y, n_y * sizeof(float)), 0, "%s %s: y", got->name, what);
    cr_expect_eq(memcmp(got->dx, wanted->dx, n_x * sizeof(float)), 0, "%s %s: dx", got->name, what);
    for (int i = 0; i < POOL_MAX_PARAMS && got->dparams[i]; i++)
        cr_expect_eq(got->dparams[i][0], wanted->dparams[i][0], "%s %s: gradient of parameter %d",
                     got->name, what, i);
}

void pool_expect_levels_agree(const char *name, const char *settings)
{
    enum { N = 2, H = 39, W = 11, C = 37 };
    float *x = draw((size_t)N * H * W * C, 4), *dy = draw((size_t)N * H * W * C, 5);
    struct pool_layer best = {.name = name,
                              .settings = settings,
                              .window = window_square(3, 2, 1),
                              .shape = {N, H, W, C},
                              .x = x,
                              .dy = dy};
    pool_layer_run(&best);
    struct pool_layer single = best;
    single.n_threads = 1;
    pool_layer_run(&single);
    expect_bits(&single, &best, "on one thread");
    pool_layer_free(&single);
    struct pool_layer many = best;
    many.n_threads = 7;
    pool_layer_run(&many);
    expect_bits(&many, &best, "on seven threads");
    pool_layer_free(&many);
    for (enum isa level = ISA_V2; level < N_ISA; level++) {
        if (isa_use(level) != OK) continue;
        struct pool_layer layer = best;
        pool_layer_run(&layer);
        int64_t n_out = layer.y_shape[0] * layer.y_shape[1] * layer.y_shape[2] * C;
        for (int64_t i = 0; i < n_out; i++)
            cr_assert_float_eq(layer.y[i], best.y[i], 1e-5f, "%s on %s: output", name,
                               isa_name(level));
        for (int64_t i = 0; i < (int64_t)N * H * W * C; i++)
            cr_assert_float_eq(layer.dx[i], best.dx[i], 1e-5f, "%s on %s: gradient", name,
                               isa_name(level));
        pool_layer_free(&layer);
    }
    pool_layer_free(&best);
    mem_free(x);
    mem_free(dy);
}
