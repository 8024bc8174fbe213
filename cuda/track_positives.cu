#include "cuda/kernels.h"
#include "cuda/launch.h"

static __global__ void track_positives_kernel(float *state, const int32_t *n_positive, int64_t n,
                                              float momentum)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < n; i++) sum += n_positive[i];
    *state = momentum * *state + (1.0f - momentum) * (float)(sum > 1 ? sum : 1);
}

enum status cuda_track_positives_forward(const struct op_call *call)
{
    const struct track_positives_args *args = (const struct track_positives_args *)call->args;
    if (!call->training) return OK;
    CUDA_LAUNCH(track_positives_kernel, 1, 1, 0, cuda_stream(call), (float *)call->in[0]->data,
                (const int32_t *)call->in[1]->data, call->in[1]->shape[0], args->momentum);
    return cuda_check(call, "track_positives");
}
