#include <string.h>

#include "cpu/kernels.h"
#include "cpu/onednn.h"
#include "cpu/rows.h"

enum { IN_X, IN_W, IN_BIAS };

struct linear_shape {
    int64_t n, n_in, n_out;
};

static struct linear_shape shape_of(const struct op_call *call)
{
    const struct tensor *x = call->in[IN_X], *w = call->in[IN_W];
    int64_t n = list_count(x->valid, x->shape[0]);
    return (struct linear_shape){n, w->shape[1], w->shape[0]};
}

enum status cpu_linear_forward(const struct op_call *call)
{
    const struct linear_args *args = (const struct linear_args *)call->args;
    struct linear_shape s = shape_of(call);
    const struct tensor *bias = call->in[IN_BIAS];
    float *y = (float *)call->out[0]->data;
    list_zero_beyond(call->out[0], y, s.n);
    if (s.n == 0 || s.n_out == 0) return OK;
    TRY(onednn_sgemm(false, true, s.n, s.n_out, s.n_in, (const float *)call->in[IN_X]->data,
                     (const float *)call->in[IN_W]->data, 0.0f, y));
    rows_epilogue(y, bias ? (const float *)bias->data : NULL, NULL, args->relu, (size_t)s.n,
                  (size_t)s.n_out);
    return OK;
}

enum status cpu_linear_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    const struct linear_args *args = (const struct linear_args *)call->args;
    struct linear_shape s = shape_of(call);
    struct tensor *x = call->in[IN_X], *w = call->in[IN_W];
    const struct tensor *y = call->out[0];
    if (s.n == 0) return zero_wanted(backward);
    struct rows_mask mask = {.n_rows = (size_t)s.n,
                             .n_channels = (size_t)s.n_out,
                             .dy = (float *)y->grad,
                             .y = args->relu ? (const float *)y->data : NULL};
    if (backward->want[IN_BIAS]) {
        mask.sum = (float *)call->in[IN_BIAS]->grad;
        mask.sum_beta = backward->beta[IN_BIAS];
    }
    void *scratch;
    TRY(call->backend->scratch(call->backend, rows_mask_scratch(&mask), &scratch));
    rows_mask_run(&mask, scratch);
    if (backward->want[IN_X]) {
        TRY(onednn_sgemm(false, false, s.n, s.n_in, s.n_out, mask.dy, (const float *)w->data,
                         backward->beta[IN_X], (float *)x->grad));
        if (backward->beta[IN_X] == 0.0f) list_zero_beyond(x, (float *)x->grad, s.n);
    }
    if (backward->want[IN_W])
        TRY(onednn_sgemm(true, false, s.n_out, s.n_in, s.n, mask.dy, (const float *)x->data,
                         backward->beta[IN_W], (float *)w->grad));
    return OK;
}
