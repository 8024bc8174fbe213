#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "cuda/vec.h"
#include "nn/step_factors.h"

template <int N>
static __global__ void adamw_step_kernel(float *values, const float *grads, float *first,
                                         float *second, const float *norm_squared,
                                         struct adamw_args args, struct adamw_factors f, size_t n)
{
    float clip = step_clip(norm_squared, args.max_norm);
    for (size_t i = CUDA_FIRST * N; i < n; i += CUDA_STEP * N) {
        float w[N], g[N], m[N] = {}, v[N] = {};
        vec_load<N>(w, values + i);
        vec_load<N>(g, grads + i);
        // On the first step the moments may hold anything: they are not read.
        if (!f.is_first) {
            vec_load<N>(m, first + i);
            vec_load<N>(v, second + i);
        }
#pragma unroll
        for (int k = 0; k < N; k++) {
            g[k] = clip * g[k];
            m[k] = args.beta1 * m[k] + (1.0f - args.beta1) * g[k];
            v[k] = args.beta2 * v[k] + (1.0f - args.beta2) * (g[k] * g[k]);
            w[k] = f.keep * w[k] - f.rate * m[k] / (sqrtf(v[k]) * f.correction + args.eps);
        }
        vec_store<N>(first + i, m);
        vec_store<N>(second + i, v);
        vec_store<N>(values + i, w);
    }
}

enum status cuda_adamw_step_forward(const struct op_call *call)
{
    const struct adamw_args *args = (const struct adamw_args *)call->args;
    size_t n = tensor_count(call->in[0]);
    const float *norm = call->in[4] ? (const float *)call->in[4]->data : NULL;
    struct adamw_factors f = adamw_factors_of(args);
    if (n == 0) return OK;
    VEC_WIDTH(n, 4, N, {
        CUDA_LAUNCH(adamw_step_kernel<N>, cuda_blocks(n / N), CUDA_BLOCK, 0, cuda_stream(call),
                    (float *)call->in[0]->data, (const float *)call->in[1]->data,
                    (float *)call->in[2]->data, (float *)call->in[3]->data, norm, *args, f, n);
    });
    return cuda_check(call, "adamw_step");
}
