#include "cuda/kernels.h"
#include "cuda/norm_rows.h"

enum { GN_X, GN_GAMMA, GN_BETA, GN_RESIDUAL };
enum { GN_OUT_Y, GN_OUT_MEAN, GN_OUT_RSTD };

static struct norm_args group_norm_args_of(const struct op_call *call)
{
    const struct group_norm_args *args = (const struct group_norm_args *)call->args;
    const int64_t *x = call->in[GN_X]->shape;
    struct norm_args norm = {};
    norm.shape =
        norm_shape_of((size_t)x[0], (size_t)(x[1] * x[2]), (size_t)x[3], (size_t)args->groups);
    norm.x = call->in[GN_X];
    norm.gamma = call->in[GN_GAMMA];
    norm.beta = call->in[GN_BETA];
    norm.residual = call->in[GN_RESIDUAL];
    norm.y = call->out[GN_OUT_Y];
    norm.mean = (float *)call->out[GN_OUT_MEAN]->data;
    norm.rstd = (float *)call->out[GN_OUT_RSTD]->data;
    norm.eps = (double)args->eps;
    norm.relu = args->relu;
    return norm;
}

enum status cuda_group_norm_forward(const struct op_call *call)
{
    if (tensor_count(call->in[GN_X]) == 0) return OK;
    struct norm_args norm = group_norm_args_of(call);
    void *scratch;
    TRY(call->backend->scratch(call->backend, norm_scratch(&norm.shape), &scratch));
    TRY(norm_moments(call, &norm, scratch, NULL, NULL, 0.0));
    return norm_apply(call, &norm);
}

enum status cuda_group_norm_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    struct norm_inputs inputs = {GN_X, GN_GAMMA, GN_BETA, GN_RESIDUAL};
    if (tensor_count(call->in[GN_X]) == 0) return cuda_zero_wanted(backward);
    struct norm_args norm = group_norm_args_of(call);
    void *scratch;
    TRY(call->backend->scratch(call->backend, norm_scratch(&norm.shape), &scratch));
    return norm_backward(backward, &norm, inputs, true, scratch);
}
