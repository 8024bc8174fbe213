#include <string.h>

#include "cpu/conv_run.h"
#include "cpu/rows.h"

enum { IN_X, IN_W, IN_SCALE, IN_BIAS, IN_RESIDUAL };

// Images that hold something, and those that are computed: lists of RoIs have another length at
// each step, and oneDNN makes a primitive for each number of images.
struct images {
    int64_t n, n_run;
};

static struct images images_of(const struct op_call *call)
{
    enum { STEP = 8 };
    const struct tensor *x = call->in[IN_X];
    struct images images = {.n = x->shape[0], .n_run = x->shape[0]};
    if (!x->valid) return images;
    images.n = list_count(x->valid, x->shape[0]);
    int64_t rounded = (images.n + STEP - 1) / STEP * STEP;
    if (rounded < images.n_run) images.n_run = rounded;
    return images;
}

static struct conv_run run_of(const struct op_call *call, int64_t n_images)
{
    const struct conv2d_args *args = (const struct conv2d_args *)call->args;
    const struct tensor *x = call->in[IN_X], *w = call->in[IN_W], *y = call->out[0];
    struct conv_run run;
    memset(&run, 0, sizeof run); // the problem is compared byte by byte
    run.cpu = cpu_of(call);
    run.w = w;
    run.scale = call->in[IN_SCALE];
    run.problem.kind = CONV_FORWARD;
    run.problem.n = (int32_t)n_images;
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
    struct images images = images_of(call);
    float *y = (float *)call->out[0]->data;
    if (tensor_count(call->out[0]) > 0 && images.n > 0) {
        struct conv_run run = run_of(call, images.n_run);
        TRY(conv_run_forward(&run, floats(call->in[IN_X]), floats(call->in[IN_BIAS]),
                             floats(call->in[IN_RESIDUAL]), y));
    }
    list_zero_beyond(call->out[0], y, images.n);
    return OK;
}

// relu's mask, the residual's and the bias's gradient in one pass over dy.
static enum status backward_epilogue(const struct op_backward_call *backward, int64_t n_images,
                                     bool with_residual)
{
    const struct op_call *call = backward->forward;
    const struct conv2d_args *args = (const struct conv2d_args *)call->args;
    const struct tensor *y = call->out[0];
    struct rows_mask mask = {.n_channels = (size_t)y->shape[3],
                             .n_rows = (size_t)(n_images * y->shape[1] * y->shape[2]),
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

// The gradient of images that were not looked at.
static void zero_unused(const struct op_backward_call *backward, int i, int64_t n_images)
{
    struct tensor *in = backward->forward->in[i];
    if (backward->want[i] && backward->beta[i] == 0.0f)
        list_zero_beyond(in, (float *)in->grad, n_images);
}

enum status cpu_conv2d_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    struct tensor *x = call->in[IN_X], *w = call->in[IN_W];
    struct images images = images_of(call);
    if (tensor_count(call->out[0]) == 0 || images.n == 0) return zero_wanted(backward);
    // Where x is its own residual, dx is written before the residual's part is added to it.
    bool residual_last = call->in[IN_RESIDUAL] == x;
    TRY(backward_epilogue(backward, images.n, !residual_last));
    struct conv_run run = run_of(call, images.n_run);
    float *dy = (float *)call->out[0]->grad;
    size_t dy_floats = list_floats(call->out[0], images.n);
    rows_zero(dy + dy_floats, list_floats(call->out[0], images.n_run) - dy_floats);
    if (backward->want[IN_X])
        TRY(conv_run_backward_data(&run, dy, backward->beta[IN_X], (float *)x->grad));
    if (backward->want[IN_W])
        TRY(conv_run_backward_weights(&run, floats(x), dy, backward->beta[IN_W],
                                      (float *)w->grad));
    if (backward->want[IN_RESIDUAL] && residual_last)
        rows_add((float *)x->grad, dy, list_floats(x, images.n));
    zero_unused(backward, IN_X, images.n_run);
    zero_unused(backward, IN_RESIDUAL, images.n);
    return OK;
}
