#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "cuda/norm_rows.h"

enum { BN_X, BN_GAMMA, BN_BETA, BN_MEAN, BN_VAR, BN_RESIDUAL };
enum { BN_OUT_Y, BN_OUT_MEAN, BN_OUT_RSTD };

static struct norm_args batch_norm_args_of(const struct op_call *call)
{
    const struct batch_norm_args *args = (const struct batch_norm_args *)call->args;
    struct norm_args norm = {};
    size_t n_channels = (size_t)call->in[BN_X]->shape[3];
    size_t n_rows = tensor_count(call->in[BN_X]) / n_channels;
    norm.shape = norm_shape_of(1, n_rows, n_channels, n_channels);
    norm.x = call->in[BN_X];
    norm.gamma = call->in[BN_GAMMA];
    norm.beta = call->in[BN_BETA];
    norm.residual = call->in[BN_RESIDUAL];
    norm.y = call->out[BN_OUT_Y];
    norm.mean = (float *)call->out[BN_OUT_MEAN]->data;
    norm.rstd = (float *)call->out[BN_OUT_RSTD]->data;
    norm.eps = (double)args->eps;
    norm.relu = args->relu;
    return norm;
}

static __global__ void batch_norm_running_kernel(float *saved_mean, float *saved_rstd,
                                                 const float *mean, const float *var, double eps,
                                                 unsigned c)
{
    unsigned j = blockIdx.x * CUDA_BLOCK + threadIdx.x;
    if (j >= c) return;
    saved_mean[j] = mean[j];
    saved_rstd[j] = (float)(1.0 / sqrt((double)var[j] + eps));
}

enum status cuda_batch_norm_forward(const struct op_call *call)
{
    const struct batch_norm_args *args = (const struct batch_norm_args *)call->args;
    if (tensor_count(call->in[BN_X]) == 0) return OK;
    struct norm_args norm = batch_norm_args_of(call);
    float *mean = (float *)call->in[BN_MEAN]->data, *var = (float *)call->in[BN_VAR]->data;
    void *scratch;
    if (call->training) {
        TRY(call->backend->scratch(call->backend, norm_scratch(&norm.shape), &scratch));
        TRY(norm_moments(call, &norm, scratch, mean, var, (double)args->momentum));
    } else {
        CUDA_LAUNCH(batch_norm_running_kernel, cuda_blocks(norm.shape.c), CUDA_BLOCK, 0,
                    cuda_stream(call), norm.mean, norm.rstd, mean, var, norm.eps, norm.shape.c);
    }
    return norm_apply(call, &norm);
}

enum status cuda_batch_norm_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    struct norm_inputs inputs = {BN_X, BN_GAMMA, BN_BETA, BN_RESIDUAL};
    if (tensor_count(call->in[BN_X]) == 0) return cuda_zero_wanted(backward);
    struct norm_args norm = batch_norm_args_of(call);
    void *scratch;
    TRY(call->backend->scratch(call->backend, norm_scratch(&norm.shape), &scratch));
    return norm_backward(backward, &norm, inputs, call->training, scratch);
}
