#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "cuda/vec.h"
#include "nn/step_factors.h"

template <int N>
static __global__ void sgd_step_kernel(float *values, const float *grads, float *velocity,
                                       const float *norm_squared, struct sgd_args args, size_t n)
{
    float clip = step_clip(norm_squared, args.max_norm);
    for (size_t i = CUDA_FIRST * N; i < n; i += CUDA_STEP * N) {
        float w[N], g[N], v[N] = {};
        vec_load<N>(w, values + i);
        vec_load<N>(g, grads + i);
        // On the first step velocity may hold anything, NaN included: it is not read.
        if (!args.first_step) vec_load<N>(v, velocity + i);
#pragma unroll
        for (int k = 0; k < N; k++) {
            g[k] = clip * g[k] + args.weight_decay * w[k];
            v[k] = args.first_step ? g[k] : args.momentum * v[k] + g[k];
            w[k] -= args.lr * (args.nesterov ? g[k] + args.momentum * v[k] : v[k]);
        }
        vec_store<N>(velocity + i, v);
        vec_store<N>(values + i, w);
    }
}

enum status cuda_sgd_step_forward(const struct op_call *call)
{
    const struct sgd_args *args = (const struct sgd_args *)call->args;
    size_t n = tensor_count(call->in[0]);
    const float *norm = call->in[3] ? (const float *)call->in[3]->data : NULL;
    if (n == 0) return OK;
    VEC_WIDTH(n, 4, N, {
        CUDA_LAUNCH(sgd_step_kernel<N>, cuda_blocks(n / N), CUDA_BLOCK, 0, cuda_stream(call),
                    (float *)call->in[0]->data, (const float *)call->in[1]->data,
                    (float *)call->in[2]->data, norm, *args, n);
    });
    return cuda_check(call, "sgd_step");
}
