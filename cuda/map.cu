// Operations on single elements: combine, logistic, cast (cpu/map.c).
#include <assert.h>

#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "cuda/vec.h"

// The wider of two types decides how many elements a thread takes.
#define MAP_WIDTH(A, B)                                                                            \
    ((int)vec_width<A>::value > (int)vec_width<B>::value ? (int)vec_width<A>::value                \
                                                         : (int)vec_width<B>::value)

// y = [y +] a * x
template <typename Y, typename X, int N>
static __global__ void map_add_kernel(Y *y, const X *x, float a, bool adds, size_t n)
{
    for (size_t i = CUDA_FIRST * N; i < n; i += CUDA_STEP * N) {
        float v[N];
        vec_load<N>(v, x + i);
#pragma unroll
        for (int k = 0; k < N; k++) v[k] *= a;
        vec_accumulate<N>(y + i, v, adds);
    }
}

// dx = [dx +] a * dy
static enum status map_add_gradient(const struct op_backward_call *backward, int input, float a,
                                    const char *what)
{
    const struct op_call *call = backward->forward;
    const struct tensor *x = call->in[input], *y = call->out[0];
    size_t n = tensor_count(y);
    bool adds = backward->beta[input] != 0.0f;
    if (!backward->want[input] || n == 0) return OK;
    VEC_DTYPE(x->grad_dtype, X, {
        VEC_DTYPE(y->grad_dtype, Y, {
            VEC_WIDTH(n, MAP_WIDTH(X, Y), N, {
                CUDA_LAUNCH((map_add_kernel<X, Y, N>), cuda_blocks(n / N), CUDA_BLOCK, 0,
                            cuda_stream(call), (X *)x->grad, (const Y *)y->grad, a, adds, n);
            });
        });
    });
    return cuda_check(call, what);
}

// ---- combine: y = a u + b v --------------------------------------------------------------------

template <int N>
static __global__ void combine_kernel(float *y, const float *u, const float *v, float a, float b,
                                      size_t n)
{
    for (size_t i = CUDA_FIRST * N; i < n; i += CUDA_STEP * N) {
        float from_u[N], from_v[N];
        vec_load<N>(from_u, u + i);
        vec_load<N>(from_v, v + i);
#pragma unroll
        for (int k = 0; k < N; k++) from_u[k] = fmaf(b, from_v[k], a * from_u[k]);
        vec_store<N>(y + i, from_u);
    }
}

enum status cuda_combine_forward(const struct op_call *call)
{
    const struct combine_args *args = (const struct combine_args *)call->args;
    size_t n = tensor_count(call->out[0]);
    if (n == 0) return OK;
    VEC_WIDTH(n, 4, N, {
        CUDA_LAUNCH(combine_kernel<N>, cuda_blocks(n / N), CUDA_BLOCK, 0, cuda_stream(call),
                    (float *)call->out[0]->data, (const float *)call->in[0]->data,
                    (const float *)call->in[1]->data, args->a, args->b, n);
    });
    return cuda_check(call, "combine");
}

enum status cuda_combine_backward(const struct op_backward_call *backward)
{
    const struct combine_args *args = (const struct combine_args *)backward->forward->args;
    TRY(map_add_gradient(backward, 0, args->a, "combine"));
    return map_add_gradient(backward, 1, args->b, "combine");
}

// ---- logistic ----------------------------------------------------------------------------------

template <int N>
static __global__ void logistic_kernel(float *y, const float *x, struct logistic_args args,
                                       size_t n)
{
    for (size_t i = CUDA_FIRST * N; i < n; i += CUDA_STEP * N) {
        float v[N];
        vec_load<N>(v, x + i);
#pragma unroll
        for (int k = 0; k < N; k++) {
            // The exponential of a negative number cannot overflow.
            float z = args.slope * v[k], e = expf(z > 0.0f ? -z : z);
            v[k] = fmaf(args.scale, (z > 0.0f ? 1.0f : e) / (1.0f + e), args.shift);
        }
        vec_store<N>(y + i, v);
    }
}

template <int N>
static __global__ void logistic_backward_kernel(float *dx, const float *dy, const float *y,
                                                struct logistic_args args, bool adds, size_t n)
{
    float inverse = 1.0f / args.scale, factor = args.slope * args.scale;
    for (size_t i = CUDA_FIRST * N; i < n; i += CUDA_STEP * N) {
        float v[N], g[N];
        vec_load<N>(v, y + i);
        vec_load<N>(g, dy + i);
#pragma unroll
        for (int k = 0; k < N; k++) {
            float s = (v[k] - args.shift) * inverse;
            g[k] *= factor * s * (1.0f - s);
        }
        vec_accumulate<N>(dx + i, g, adds);
    }
}

enum status cuda_logistic_forward(const struct op_call *call)
{
    const struct logistic_args *args = (const struct logistic_args *)call->args;
    size_t n = tensor_count(call->out[0]);
    if (n == 0) return OK;
    VEC_WIDTH(n, 4, N, {
        CUDA_LAUNCH(logistic_kernel<N>, cuda_blocks(n / N), CUDA_BLOCK, 0, cuda_stream(call),
                    (float *)call->out[0]->data, (const float *)call->in[0]->data, *args, n);
    });
    return cuda_check(call, "logistic");
}

enum status cuda_logistic_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    const struct logistic_args *args = (const struct logistic_args *)call->args;
    const struct tensor *x = call->in[0], *y = call->out[0];
    size_t n = tensor_count(y);
    bool adds = backward->beta[0] != 0.0f;
    if (!backward->want[0] || n == 0) return OK;
    assert(x->grad_dtype == DTYPE_F32 && y->grad_dtype == DTYPE_F32);
    VEC_WIDTH(n, 4, N, {
        CUDA_LAUNCH(logistic_backward_kernel<N>, cuda_blocks(n / N), CUDA_BLOCK, 0,
                    cuda_stream(call), (float *)x->grad, (const float *)y->grad,
                    (const float *)y->data, *args, adds, n);
    });
    return cuda_check(call, "logistic");
}

// ---- cast --------------------------------------------------------------------------------------

enum status cuda_cast_forward(const struct op_call *call)
{
    const struct tensor *x = call->in[0], *y = call->out[0];
    size_t n = tensor_count(y);
    if (n == 0) return OK;
    VEC_DTYPE(x->dtype, X, {
        VEC_DTYPE(y->dtype, Y, {
            VEC_WIDTH(n, MAP_WIDTH(X, Y), N, {
                CUDA_LAUNCH((map_add_kernel<Y, X, N>), cuda_blocks(n / N), CUDA_BLOCK, 0,
                            cuda_stream(call), (Y *)y->data, (const X *)x->data, 1.0f, false, n);
            });
        });
    });
    return cuda_check(call, "cast");
}

enum status cuda_cast_backward(const struct op_backward_call *backward)
{
    return map_add_gradient(backward, 0, 1.0f, "cast");
}
