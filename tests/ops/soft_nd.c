// SoftPool over one and three axes against its formula in double precision, central differences,
// and the pool over two axes where they are the same.
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "backbone/pool/soft_nd.h"
#include "base/mem.h"
#include "base/rng.h"
#include "nn/ops.h"

struct shape {
    int n, in[3], c, kernel[3], stride[3], padding[3], out[3];
};

static const struct shape shapes[] = {
    {.n = 2, .in = {4, 6, 5}, .c = 3, .kernel = {2, 2, 2}, .stride = {2, 2, 2}},
    {.n = 1, .in = {5, 7, 6}, .c = 17, .kernel = {3, 3, 3}, .stride = {2, 2, 2},
     .padding = {1, 1, 1}},
    {.n = 2, .in = {1, 5, 7}, .c = 16, .kernel = {1, 3, 2}, .stride = {1, 1, 2},
     .padding = {0, 1, 0}},
    {.n = 1, .in = {6, 1, 1}, .c = 1, .kernel = {3, 1, 1}, .stride = {4, 1, 1}},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

static size_t count(const struct shape *s, const int size[3])
{
    return (size_t)(s->n * size[0] * size[1] * size[2] * s->c);
}

static void set_out(struct shape *s)
{
    for (int i = 0; i < 3; i++)
        s->out[i] = (s->in[i] + 2 * s->padding[i] - s->kernel[i]) / s->stride[i] + 1;
}

// y and, where dy is given, its gradient with the weights as they are or held constant.
static void reference(const struct shape *s, const double *x, double beta, bool is_detached,
                      const float *dy, double *y, double *dx)
{
    memset(dx, 0, count(s, s->in) * sizeof *dx);
    for (size_t o = 0; o < count(s, s->out); o++) {
        int c = (int)o % s->c, ow = (int)o / s->c % s->out[2];
        int oh = (int)o / s->c / s->out[2] % s->out[1];
        int od = (int)o / s->c / s->out[2] / s->out[1] % s->out[0];
        int n = (int)o / s->c / s->out[2] / s->out[1] / s->out[0];
        double sum = 0.0, weighted = 0.0;
        for (int pass = 0; pass < 2; pass++) {
            for (int k = 0; k < s->kernel[0] * s->kernel[1] * s->kernel[2]; k++) {
                int w = ow * s->stride[2] - s->padding[2] + k % s->kernel[2];
                int h = oh * s->stride[1] - s->padding[1] + k / s->kernel[2] % s->kernel[1];
                int d = od * s->stride[0] - s->padding[0] + k / s->kernel[2] / s->kernel[1];
                if (w < 0 || w >= s->in[2] || h < 0 || h >= s->in[1] || d < 0 || d >= s->in[0])
                    continue;
                int at = (((n * s->in[0] + d) * s->in[1] + h) * s->in[2] + w) * s->c + c;
                double e = exp(beta * x[at]);
                if (pass == 0) {
                    sum += e;
                    weighted += e * x[at];
                } else {
                    double slope = is_detached ? 1.0 : 1.0 + beta * (x[at] - y[o]);
                    dx[at] += (double)dy[o] * e / sum * slope;
                }
            }
            y[o] = weighted / sum;
        }
    }
}

static float *draw(size_t n, uint32_t key)
{
    float *values = (float *)mem_alloc(n, sizeof *values);
    struct rng rng;
    rng_start(&rng, 31, RNG_TEST, key);
    for (size_t i = 0; i < n; i++) values[i] = rng_uniform(&rng, -3.0f, 3.0f);
    return values;
}

struct layer {
    struct backend *backend;
    struct tape *tape;
    struct tensor *x, *y;
};

static void open_layer(struct layer *layer, int rank, const int64_t *shape, const float *x)
{
    cr_assert_eq(backend_create_cpu(0, &layer->backend), OK);
    cr_assert_eq(tape_create(layer->backend, &layer->tape), OK);
    layer->tape->recording = true;
    cr_assert_eq(tape_upload(layer->tape, DTYPE_F32, rank, shape, x, &layer->x), OK);
    layer->x->needs_grad = true;
}

static void close_layer(struct layer *layer)
{
    layer->x->grad = layer->y->grad = NULL;
    tape_destroy(layer->tape);
    backend_destroy(layer->backend);
}

static void backward(struct layer *layer, float *dy, float *dx, float beta)
{
    struct op_backward_call call = {.forward = &layer->tape->nodes[0]->call, .want = {true}};
    call.beta[0] = beta;
    layer->y->grad = dy;
    layer->x->grad = dx;
    cr_assert_eq(layer->backend->kernels[OP_pool].backward(&call), OK);
}

static void check(const struct shape *given, const struct soft_nd_options *options)
{
    struct shape s = *given;
    set_out(&s);
    size_t n_x = count(&s, s.in), n_y = count(&s, s.out);
    const int64_t shape[4] = {s.n * s.in[0], s.in[1], s.in[2], s.c};
    float *x = draw(n_x, 1), *dy = draw(n_y, 2), *dx = (float *)mem_alloc(n_x, sizeof *dx);
    double *x_double = (double *)mem_alloc(n_x, sizeof *x_double);
    double *y = (double *)mem_alloc(n_y, sizeof *y), *wanted = (double *)mem_alloc(n_x, sizeof *y);
    struct layer layer;
    for (size_t i = 0; i < n_x; i++) x_double[i] = (double)x[i];
    open_layer(&layer, 4, shape, x);
    cr_assert_eq(soft_pool_3d(layer.tape, layer.x, s.in[0], s.kernel, s.stride, s.padding, options,
                              &layer.y), OK, "%s", fail_message());
    cr_assert_eq(layer.y->shape[0], s.n * s.out[0]);
    cr_assert_eq(tensor_count(layer.y), n_y);
    for (size_t i = 0; i < n_x; i++) dx[i] = NAN;
    backward(&layer, dy, dx, 0.0f);
    reference(&s, x_double, options->beta, options->is_detached, dy, y, wanted);
    for (size_t i = 0; i < n_y; i++)
        cr_assert_float_eq((double)((float *)layer.y->data)[i], y[i], 1e-5, "y %zu", i);
    for (size_t i = 0; i < n_x; i++)
        cr_assert_float_eq((double)dx[i], wanted[i], 2e-5, "dx %zu", i);
    backward(&layer, dy, dx, 1.0f);
    for (size_t i = 0; i < n_x; i++)
        cr_assert_float_eq((double)dx[i], 2.0 * wanted[i], 4e-5, "added dx %zu", i);
    close_layer(&layer);
    mem_free(x);
    mem_free(dy);
    mem_free(dx);
    mem_free(x_double);
    mem_free(y);
    mem_free(wanted);
}

Test(soft_nd, three_axes)
{
    for (int i = 0; i < N_SHAPES; i++) {
        check(&shapes[i], &(struct soft_nd_options){.beta = 1.0});
        check(&shapes[i], &(struct soft_nd_options){.beta = 2.5, .is_detached = true});
        check(&shapes[i], &(struct soft_nd_options){.beta = 0.0});
    }
}

// (N,L,C) is a map of one row, so the pool over two axes gives the same.
Test(soft_nd, one_axis)
{
    enum { N = 2, L = 11, C = 19 };
    float *x = draw(N * L * C, 3);
    const int64_t sequence[3] = {N, L, C}, row[4] = {N, 1, L, C};
    struct layer one, two;
    double soft_args[POOL_ARGS_BYTES / sizeof(double)];
    struct pool_op_args args = {.def = pool_find("soft"), .args = soft_args};
    fields_defaults(args.def->fields, soft_args);
    args.window = (struct window){1, 3, 1, 2, 0, 1, 0, 1, false, {0}};
    open_layer(&one, 3, sequence, x);
    open_layer(&two, 4, row, x);
    cr_assert_eq(soft_pool_1d(one.tape, one.x, 3, 2, 1, &(struct soft_nd_options){.beta = 1.0},
                              &one.y), OK);
    cr_assert_eq(pool_op(two.tape, two.x, 0, NULL, &args, &two.y), OK);
    cr_assert_eq(one.y->rank, 3);
    cr_assert_eq(one.y->shape[1], 6);
    for (size_t i = 0; i < tensor_count(one.y); i++)
        cr_assert_float_eq(((float *)one.y->data)[i], ((float *)two.y->data)[i], 2e-6f);
    close_layer(&one);
    close_layer(&two);
    mem_free(x);
}

Test(soft_nd, any_finite_input_gives_finite_results)
{
    const float x[4] = {3e38f, -3e38f, 100.0f, -3e38f};
    const int64_t shape[3] = {1, 4, 1};
    float dy[2] = {1, 1}, dx[4];
    struct layer layer;
    open_layer(&layer, 3, shape, x);
    cr_assert_eq(soft_pool_1d(layer.tape, layer.x, 2, 2, 0, &(struct soft_nd_options){.beta = 1.0},
                              &layer.y), OK);
    backward(&layer, dy, dx, 0.0f);
    cr_expect_eq(((float *)layer.y->data)[0], 3e38f);
    cr_expect_eq(((float *)layer.y->data)[1], 100.0f);
    for (int i = 0; i < 4; i++) cr_expect(isfinite(dx[i]));
    close_layer(&layer);
}

Test(soft_nd, refusals)
{
    const float x[24] = {0};
    const int64_t sequence[3] = {2, 4, 3}, video[4] = {4, 2, 3, 1};
    const int two[3] = {2, 2, 2}, none[3] = {0, 0, 0}, five[3] = {5, 1, 1};
    struct soft_nd_options options = {.beta = 1.0};
    struct layer layer;
    open_layer(&layer, 3, sequence, x);
    cr_expect_eq(soft_pool_1d(layer.tape, layer.x, 5, 1, 0, &options, &layer.y), ERR_USAGE);
    cr_expect_eq(soft_pool_1d(layer.tape, layer.x, 2, 1, 2, &options, &layer.y), ERR_USAGE);
    cr_expect_eq(soft_pool_1d(layer.tape, layer.x, 2, 0, 0, &options, &layer.y), ERR_USAGE);
    options.beta = -1.0;
    cr_expect_eq(soft_pool_1d(layer.tape, layer.x, 2, 1, 0, &options, &layer.y), ERR_USAGE);
    options.beta = 1.0;
    cr_assert_eq(soft_pool_1d(layer.tape, layer.x, 2, 1, 0, &options, &layer.y), OK);
    close_layer(&layer);
    open_layer(&layer, 4, video, x);
    cr_expect_eq(soft_pool_3d(layer.tape, layer.x, 3, two, two, none, &options, &layer.y),
                 ERR_USAGE);
    cr_expect_eq(soft_pool_3d(layer.tape, layer.x, 4, five, two, none, &options, &layer.y),
                 ERR_USAGE);
    cr_assert_eq(soft_pool_3d(layer.tape, layer.x, 2, two, two, none, &options, &layer.y), OK);
    close_layer(&layer);
}
