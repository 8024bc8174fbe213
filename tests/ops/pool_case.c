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

void pool_layer_run(struct pool_layer *layer)
{
    struct backend *backend = NULL;
    struct tape *tape = NULL;
    struct tensor *x, *y;
    double args[POOL_ARGS_BYTES / sizeof(double)];
    struct pool_op_args own = {
        .def = pool_find(layer->name), .window = layer->window, .args = args};
    pool_settings(own.def, layer->settings, args);
    cr_assert_eq(backend_create_cpu(0, &backend), OK, "%s", fail_message());
    cr_assert_eq(tape_create(backend, &tape), OK);
    tape->recording = layer->dy != NULL;
    cr_assert_eq(tape_upload(tape, DTYPE_F32, 4, layer->shape, layer->x, &x), OK);
    x->needs_grad = layer->dy != NULL;
    cr_assert_eq(pool_op(tape, x, 0, NULL, &own, &y), OK, "%s", fail_message());
    size_t bytes = tensor_bytes(y);
    layer->y = (float *)mem_alloc(1, bytes);
    memcpy(layer->y, y->data, bytes);
    memcpy(layer->y_shape, y->shape, sizeof layer->y_shape);
    if (layer->dy) {
        const struct tape_node *node = tape->nodes[tape->n_nodes - 1];
        struct op_backward_call backward = {.forward = &node->call, .want = {true}};
        layer->dx = (float *)mem_alloc(1, tensor_bytes(x));
        x->grad = layer->dx;
        y->grad = (void *)(uintptr_t)layer->dy; // kernels of pools only read it
        cr_assert_eq(own.def->cpu_backward(&backward), OK);
        x->grad = y->grad = NULL;
    }
    tape_destroy(tape);
    backend_destroy(backend);
}

void pool_layer_free(struct pool_layer *layer)
{
    mem_free(layer->y);
    mem_free(layer->dx);
    layer->y = layer->dx = NULL;
}

static float *draw(size_t n, uint32_t key)
{
    float *values = (float *)mem_alloc(n, sizeof *values);
    struct rng rng;
    rng_start(&rng, 23, RNG_TEST, key);
    for (size_t i = 0; i < n; i++) values[i] = rng_uniform(&rng, -4.0f, 4.0f);
    return values;
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

static void expect_between(const char *name, const char *settings, struct window window)
{
    struct pool_layer layer = {.name = name, .settings = settings, .window = window};
    const int64_t shape[4] = {1, 9, 11, 19};
    memcpy(layer.shape, shape, sizeof shape);
    float *x = draw((size_t)(9 * 11 * 19), 1);
    layer.x = x;
    pool_layer_run(&layer);
    for (int i = 0; i < (int)(layer.y_shape[1] * layer.y_shape[2] * 19); i++) {
        float low, high, slack = 1e-6f;
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
        cr_assert_float_eq(layer.y[i], x[i % 3], 3e-7f * x[i % 3], "%s: a constant changes", name);
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

void pool_expect_mean(const char *name, const char *settings)
{
    struct window windows[] = {window_square(2, 2, 0), window_square(3, 2, 1),
                               window_square(5, 1, 2)};
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        expect_between(name, settings, windows[i]);
        expect_constant(name, settings, windows[i]);
    }
    float x[12] = {1, -2, 3, 4, 5, -6, 7, 8, 9, 10, 1e30f, -1e-30f};
    struct pool_layer layer = {.name = name,
                               .settings = settings,
                               .window = window_square(1, 1, 0),
                               .shape = {1, 2, 3, 2},
                               .x = x};
    pool_layer_run(&layer);
    cr_expect_arr_eq(layer.y, x, sizeof x, "%s: 1x1 is not the identity", name);
    pool_layer_free(&layer);
    expect_nan_stays(name, settings);
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

void pool_expect_levels_agree(const char *name, const char *settings)
{
    enum { N = 2, H = 9, W = 11, C = 37 };
    float *x = draw((size_t)N * H * W * C, 4), *dy = draw((size_t)N * H * W * C, 5);
    struct pool_layer best = {.name = name,
                              .settings = settings,
                              .window = window_square(3, 2, 1),
                              .shape = {N, H, W, C},
                              .x = x,
                              .dy = dy};
    pool_layer_run(&best);
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
