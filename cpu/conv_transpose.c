#include <string.h>

#include "cpu/kernels.h"
#include "cpu/onednn.h"
#include "cpu/rows.h"
#include "cpu/rows_hot.h"

// A matrix product gives each pixel its 2x2 outputs side by side (I to 2*2*O); between there and
// the image's rows they are copied. Done for some pixels at a time, the matrix stays in the caches.
enum { IN_X, IN_W, IN_BIAS, BLOCK_FLOATS = 1 << 19 };

struct geometry {
    int64_t n, h, w, c, o;
    int64_t block; // images at a time
};

static struct geometry geometry_of(const struct op_call *call)
{
    const struct tensor *x = call->in[IN_X];
    struct geometry g = {.h = x->shape[1], .w = x->shape[2], .c = x->shape[3]};
    g.n = list_count(x->valid, x->shape[0]);
    g.o = call->in[IN_W]->shape[2];
    g.block = BLOCK_FLOATS / (g.h * g.w * 4 * g.o + 1);
    if (g.block < 1) g.block = 1;
    return g;
}

static enum status outputs(const struct op_call *call, const struct geometry *g, float **z)
{
    void *scratch = NULL;
    TRY(call->backend->scratch(
        call->backend, (size_t)(g->block * g->h * g->w * 4 * g->o) * sizeof(float), &scratch));
    *z = (float *)scratch;
    return OK;
}

// Row number `row` of y, counted over images from the block's first: where it lies in z.
static const float *row_in(const struct geometry *g, const float *z, int64_t row)
{
    return z + (row / 2 * g->w * 4 + row % 2 * 2) * g->o;
}

static void to_rows(const struct geometry *g, int64_t n_images, const float *z, const float *bias,
                    bool relu, float *y)
{
    size_t n_out = (size_t)g->o;
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < n_images * g->h * 2; row++) {
        const float *from = row_in(g, z, row);
        float *to = y + row * 2 * g->w * g->o;
        for (int64_t x = 0; x < g->w; x++, from += 4 * n_out, to += 2 * n_out) {
            memcpy(to, from, 2 * n_out * sizeof *to);
            ISA_PICK(rows_epilogue_block)(to, bias, NULL, relu, n_out);
            ISA_PICK(rows_epilogue_block)(to + n_out, bias, NULL, relu, n_out);
        }
    }
}

static void from_rows(const struct geometry *g, int64_t n_images, const float *dy, float *z)
{
    size_t pair = 2 * (size_t)g->o;
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < n_images * g->h * 2; row++) {
        float *to = z + (row_in(g, z, row) - z);
        const float *from = dy + row * 2 * g->w * g->o;
        for (int64_t x = 0; x < g->w; x++, from += pair, to += 2 * pair)
            memcpy(to, from, pair * sizeof *to);
    }
}

enum status cpu_conv_transpose_forward(const struct op_call *call)
{
    const struct conv_transpose_args *args = (const struct conv_transpose_args *)call->args;
    const struct tensor *bias = call->in[IN_BIAS];
    struct geometry g = geometry_of(call);
    const float *x = (const float *)call->in[IN_X]->data;
    const float *w = (const float *)call->in[IN_W]->data;
    float *y = (float *)call->out[0]->data, *z;
    int64_t pixels = g.h * g.w;
    list_zero_beyond(call->out[0], y, g.n);
    TRY(outputs(call, &g, &z));
    for (int64_t i = 0; i < g.n; i += g.block) {
        int64_t n = g.n - i < g.block ? g.n - i : g.block;
        TRY(onednn_sgemm(false, true, n * pixels, 4 * g.o, g.c, x + i * pixels * g.c, w, 0.0f, z));
        to_rows(&g, n, z, bias ? (const float *)bias->data : NULL, args->relu,
                y + i * pixels * 4 * g.o);
    }
    return OK;
}

static enum status backward_epilogue(const struct op_backward_call *backward, int64_t n_images)
{
    const struct op_call *call = backward->forward;
    const struct conv_transpose_args *args = (const struct conv_transpose_args *)call->args;
    const struct tensor *y = call->out[0];
    struct rows_mask mask = {.n_channels = (size_t)y->shape[3],
                             .n_rows = (size_t)(n_images * y->shape[1] * y->shape[2]),
                             .dy = (float *)y->grad,
                             .y = args->relu ? (const float *)y->data : NULL};
    if (backward->want[IN_BIAS]) {
        mask.sum = (float *)call->in[IN_BIAS]->grad;
        mask.sum_beta = backward->beta[IN_BIAS];
    }
    void *scratch;
    TRY(call->backend->scratch(call->backend, rows_mask_scratch(&mask), &scratch));
    rows_mask_run(&mask, scratch);
    return OK;
}

enum status cpu_conv_transpose_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    struct tensor *x = call->in[IN_X], *w = call->in[IN_W];
    struct geometry g = geometry_of(call);
    if (g.n == 0) return zero_wanted(backward);
    TRY(backward_epilogue(backward, g.n));
    int64_t pixels = g.h * g.w;
    float *z;
    TRY(outputs(call, &g, &z));
    float beta = backward->beta[IN_W];
    for (int64_t i = 0; i < g.n; i += g.block, beta = 1.0f) {
        int64_t n = g.n - i < g.block ? g.n - i : g.block;
        from_rows(&g, n, (const float *)call->out[0]->grad + i * pixels * 4 * g.o, z);
        if (backward->want[IN_X])
            TRY(onednn_sgemm(false, false, n * pixels, g.c, 4 * g.o, z, (const float *)w->data,
                             backward->beta[IN_X], (float *)x->grad + i * pixels * g.c));
        if (backward->want[IN_W])
            TRY(onednn_sgemm(true, false, 4 * g.o, g.c, n * pixels, z,
                             (const float *)x->data + i * pixels * g.c, beta, (float *)w->grad));
    }
    if (backward->want[IN_X] && backward->beta[IN_X] == 0.0f)
        list_zero_beyond(x, (float *)x->grad, g.n);
    return OK;
}
