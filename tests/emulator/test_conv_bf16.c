// Convolutions and products with bf16 activations against the same in f32, on values that bf16
// holds exactly: what differs is the rounding of what is stored, once a value.
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "cuda/backend.h"
#include "nn/ops_map.h"
#include "nn/ops_rcnn.h"

static struct backend *backend;
static struct tape *tape;

static void start(void)
{
    enum status status = backend_create_cuda(0, &backend);
    if (status == ERR_UNSUPPORTED) cr_skip_test("%s", fail_message()); // no GPU (tests/gpu)
    cr_assert_eq(status, OK, "%s", fail_message());
    cr_assert_eq(tape_create(backend, &tape), OK);
}

static void stop(void)
{
    tape_destroy(tape);
    backend_destroy(backend);
}

TestSuite(emulator_bf16, .init = start, .fini = stop);

// Quarters between -2 and 2.
static struct tensor *make(uint32_t stream, int rank, int64_t a, int64_t b, int64_t c, int64_t d)
{
    const int64_t shape[4] = {a, b, c, d};
    struct tensor *t = NULL;
    size_t n = (size_t)(a * b * c * d);
    float *host = (float *)mem_alloc(n, sizeof *host);
    for (size_t i = 0; i < n; i++)
        host[i] = (float)((int)(rng_philox(1, RNG_TEST, stream, i).v[0] % 17) - 8) / 4;
    cr_assert_eq(tape_upload(tape, DTYPE_F32, rank, shape, host, &t), OK);
    cr_assert_eq(backend->synchronize(backend), OK);
    mem_free(host);
    return t;
}

static struct tensor *narrow(struct tensor *t, bool bf16)
{
    static const struct cast_args args = {DTYPE_BF16};
    struct tensor *y = t;
    if (bf16 && t) cr_assert_eq(cast(tape, t, &args, &y), OK, "%s", fail_message());
    y->needs_grad = true;
    return y;
}

// A tensor or a gradient as f32 in host memory.
static float *values(const void *data, enum dtype dtype, size_t n)
{
    float *to = (float *)mem_alloc(n, sizeof *to);
    uint16_t *raw = (uint16_t *)mem_alloc(n, sizeof *raw);
    if (dtype == DTYPE_F32) {
        cr_assert_eq(backend->download(backend, to, data, n * sizeof *to), OK);
    } else {
        cr_assert_eq(backend->download(backend, raw, data, n * sizeof *raw), OK);
        for (size_t i = 0; i < n; i++) {
            uint32_t bits = (uint32_t)raw[i] << 16;
            memcpy(&to[i], &bits, sizeof bits);
        }
    }
    mem_free(raw);
    return to;
}

enum { N_OUT = 5 };

struct outcome {
    float *v[N_OUT]; // y, dx, dw, dbias, dresidual
    size_t n[N_OUT];
};

struct layer {
    enum op op;
    int channels_in, channels_out;
    bool relu, residual, f32_output;
};

static struct tensor *run_layer(const struct layer *layer, struct tensor *x, struct tensor *w,
                                struct tensor *bias, struct tensor *residual)
{
    struct tensor *y = NULL;
    struct conv2d_args conv = {.stride = 1, .padding = 1, .relu = layer->relu,
                               .f32_output = layer->f32_output};
    struct linear_args product = {.relu = layer->relu, .f32_output = layer->f32_output};
    struct conv_transpose_args up = {.relu = layer->relu};
    enum status status = layer->op == OP_conv2d ? conv2d(tape, x, w, NULL, bias, residual, &conv, &y)
                         : layer->op == OP_linear
                             ? linear(tape, x, w, bias, &product, &y)
                             : conv_transpose(tape, x, w, bias, &up, &y);
    cr_assert_eq(status, OK, "%s", fail_message());
    return y;
}

static struct tensor *weights(const struct layer *layer)
{
    int in = layer->channels_in, out = layer->channels_out;
    struct tensor *w = layer->op == OP_conv2d   ? make(2, 4, out, 3, 3, in)
                       : layer->op == OP_linear ? make(2, 2, out, in, 1, 1)
                                                : make(2, 4, 2, 2, out, in);
    w->needs_grad = true;
    return w;
}

static void run(const struct layer *layer, bool bf16, struct outcome *outcome)
{
    int in = layer->channels_in, out = layer->channels_out;
    bool is_map = layer->op != OP_linear;
    tape_reset(tape);
    tape->recording = false;
    struct tensor *x = narrow(is_map ? make(1, 4, 2, 5, 6, in) : make(1, 2, 7, in, 1, 1), bf16);
    struct tensor *residual =
        layer->residual ? narrow(make(4, 4, 2, 5, 6, out), bf16) : NULL;
    struct tensor *w = weights(layer), *bias = make(3, 1, out, 1, 1, 1);
    bias->needs_grad = true;
    tape->recording = true;
    struct tensor *y = run_layer(layer, x, w, bias, residual);
    cr_assert_eq(y->dtype, bf16 && !layer->f32_output ? DTYPE_BF16 : DTYPE_F32);
    outcome->n[0] = tensor_count(y);
    outcome->v[0] = values(y->data, y->dtype, outcome->n[0]);
    struct tensor *dy = make(5, y->rank, y->shape[0], y->shape[1], y->shape[2], y->shape[3]);
    tape->recording = false;
    if (y->grad_dtype == DTYPE_BF16) dy = narrow(dy, true);
    cr_assert_eq(tape_backward_from(tape, y, dy), OK, "%s", fail_message());
    struct tensor *inputs[] = {x, w, bias, residual};
    for (int i = 0; i < 4; i++) {
        struct tensor *t = inputs[i];
        outcome->n[i + 1] = t ? tensor_count(t) : 0;
        outcome->v[i + 1] = t ? values(t->grad, t->grad_dtype, tensor_count(t)) : NULL;
    }
    cr_assert_eq(w->grad_dtype, DTYPE_F32);
}

static void compare(const struct layer *layer)
{
    static const char *const names[N_OUT] = {"y", "dx", "dw", "dbias", "dresidual"};
    struct outcome wide, small;
    run(layer, false, &wide);
    run(layer, true, &small);
    for (int k = 0; k < N_OUT; k++) {
        for (size_t i = 0; i < wide.n[k]; i++) {
            double a = (double)wide.v[k][i], b = (double)small.v[k][i];
            // y is rounded once more where the epilogue follows the product.
            cr_assert(fabs(a - b) <= fabs(a) / 128 + 0.126, "%s %d to %d: %s[%zu] is %g, not %g",
                      op_names[layer->op], layer->channels_in, layer->channels_out, names[k], i, b,
                      a);
        }
        mem_free(wide.v[k]);
        mem_free(small.v[k]);
    }
}

Test(emulator_bf16, conv2d)
{
    for (int odd = 0; odd < 2; odd++)
        for (int kind = 0; kind < 8; kind++) {
            struct layer layer = {OP_conv2d, 8 + odd, 16 + odd, kind & 1, kind >> 1 & 1, false};
            if (kind & 4) layer = (struct layer){OP_conv2d, 8, 16 + odd, kind & 1, false, true};
            compare(&layer);
        }
}

Test(emulator_bf16, linear)
{
    for (int odd = 0; odd < 2; odd++)
        for (int kind = 0; kind < 4; kind++) {
            struct layer layer = {OP_linear, 24 + odd, 10 + odd, kind & 1, false, kind >> 1};
            compare(&layer);
        }
}

Test(emulator_bf16, conv_transpose)
{
    for (int odd = 0; odd < 2; odd++)
        for (int relu = 0; relu < 2; relu++) {
            struct layer layer = {OP_conv_transpose, 8 + odd, 16 + odd, relu, false, false};
            compare(&layer);
        }
}
