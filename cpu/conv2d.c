#include <string.h>

#include "cpu/conv_run.h"
#include "cpu/rows.h"

enum { IN_X, IN_W, IN_SCALE, IN_BIAS, IN_RESIDUAL };

static struct conv_run run_of(const struct op_call *call)
{
    const struct conv2d_args *args = (const struct conv2d_args *)call->args;
    const struct tensor *x = call->in[IN_X], *w = call->in[IN_W], *y = call->out[0];
    struct conv_run run;
    memset(&run, 0, sizeof run); // the problem is compared byte by byte
    run.cpu = cpu_of(call);
    run.w = w;
    run.scale = call->in[IN_SCALE];
    run.problem.kind = CONV_FORWARD;
    run.problem.n = (int32_t)x->shape[0];
    run.problem.h = (int32_t)x->shape[1];
    run.problem.w = (int32_t)x->shape[2];
    run.problem.c = (int32_t)x->shape[3];
    run.problem.o = (int32_t)w->shape[0];
    run.problem.oh = (int32_t)y->shape[1];
    run.problem.ow = (int32_t)y->shape[2];
    run.problem.kh = (int32_t)w->shape[1];
    run.problem.kw = (int32_t)w->shape[2];
    run.problem.stride = args->stride;
    run.problem.padding = args->padding;
    run.problem.bias = call->in[IN_BIAS] != NULL;
    run.problem.residual = call->in[IN_RESIDUAL] != NULL;
    run.problem.relu = args->relu;
    return run;
}

static const float *floats(const struct tensor *t)
{
    return t ? (const float *)t->data : NULL;
}

enum status cpu_conv2d_forward(const struct op_call *call)
{
    if (tensor_count(call->out[0]) == 0) return OK;
    struct conv_run run = run_of(call);
    return conv_run_forward(&run, floats(call->in[IN_X]), floats(call->in[IN_BIAS]),
                            floats(call->in[IN_RESIDUAL]), (float *)call->out[0]->data);
}

// relu's mask, the residual's and the bias's gradient in one pass over dy.
static enum status backward_epilogue(const struct op_backward_call *backward, bool with_residual)
{
    const struct op_call *call = backward->forward;
    const struct conv2d_args *args = (const struct conv2d_args *)call->args;
    const struct tensor *y = call->out[0];
    struct rows_mask mask = {.n_channels = (size_t)y->shape[3],
                             .n_rows = tensor_count(y) / (size_t)y->shape[3],
                             .dy = (float *)y->grad,
                             .y = args->relu ? floats(y) : NULL};
    if (backward->want[IN_RESIDUAL] && with_residual) {
        mask.copy = (float *)call->in[IN_RESIDUAL]->grad;
        mask.copy_beta = backward->beta[IN_RESIDUAL];
    }
    if (backward->want[IN_BIAS]) {
        mask.sum = (float *)call->in[IN_BIAS]->grad;
        mask.sum_beta = backward->beta[IN_BIAS];
    }
    void *memory;
    TRY(call->backend->scratch(call->backend, rows_mask_scratch(&mask), &memory));
    rows_mask_run(&mask, memory);
    return OK;
}

// A batch of no images contributes nothing, but a first contribution has to be written.
static enum status zero_wanted(const struct op_backward_call *backward)
{
    struct backend *backend = backward->forward->backend;
    for (int i = 0; i < backward->forward->n_in; i++) {
        struct tensor *in = backward->forward->in[i];
        if (backward->want[i] && backward->beta[i] == 0.0f)
            TRY(backend->zero(backend, in->grad, tensor_count(in) * sizeof(float)));
    }
    return OK;
}

enum status cpu_conv2d_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    struct tensor *x = call->in[IN_X], *w = call->in[IN_W];
    if (tensor_count(call->out[0]) == 0) return zero_wanted(backward);
    // Where x is its own residual, dx is written before the residual's part is added to it.
    bool residual_last = call->in[IN_RESIDUAL] == x;
    TRY(backward_epilogue(backward, !residual_last));
    struct conv_run run = run_of(call);
    const float *dy = (const float *)call->out[0]->grad;
    if (backward->want[IN_X])
        TRY(conv_run_backward_data(&run, dy, backward->beta[IN_X], (float *)x->grad));
    if (backward->want[IN_W])
        TRY(conv_run_backward_weights(&run, floats(x), dy, backward->beta[IN_W],
                                      (float *)w->grad));
    if (backward->want[IN_RESIDUAL] && residual_last)
        rows_add((float *)x->grad, dy, tensor_count(x));
    return OK;
}
