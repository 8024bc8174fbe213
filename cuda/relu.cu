#include <assert.h>

#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "cuda/list.h"
#include "cuda/vec.h"

// Of lists of RoIs (nn/ops_rcnn.h), rows from the list's number on are zero.
struct relu_shape {
    size_t n, row; // elements: all, of one row
    int64_t n_rows;
    const int32_t *count;
};

static struct relu_shape relu_shape_of(const struct tensor *x)
{
    struct relu_shape shape = {tensor_count(x), 0, x->shape[0], list_count_of(x->valid)};
    shape.row = shape.n_rows > 0 ? shape.n / (size_t)shape.n_rows : 0;
    return shape;
}

template <typename T, int N>
static __global__ void relu_forward_kernel(T *y, const T *x, struct relu_shape shape)
{
    size_t used = shape.row * (size_t)list_count(shape.count, shape.n_rows);
    for (size_t i = CUDA_FIRST * N; i < shape.n; i += CUDA_STEP * N) {
        float v[N];
        vec_load<N>(v, x + i);
#pragma unroll
        for (int k = 0; k < N; k++) v[k] = i + k < used ? (v[k] < 0.0f ? 0.0f : v[k]) : 0.0f;
        vec_store<N>(y + i, v);
    }
}

template <typename T, typename G, int N>
static __global__ void relu_backward_kernel(G *dx, const G *dy, const T *y, bool adds,
                                            struct relu_shape shape)
{
    size_t used = shape.row * (size_t)list_count(shape.count, shape.n_rows);
    for (size_t i = CUDA_FIRST * N; i < shape.n; i += CUDA_STEP * N) {
        float v[N], g[N];
        vec_load<N>(v, y + i);
        vec_load<N>(g, dy + i);
#pragma unroll
        for (int k = 0; k < N; k++) g[k] = i + k < used && v[k] > 0.0f ? g[k] : 0.0f;
        vec_accumulate<N>(dx + i, g, adds);
    }
}

enum status cuda_relu_forward(const struct op_call *call)
{
    const struct tensor *x = call->in[0], *y = call->out[0];
    struct relu_shape shape = relu_shape_of(x);
    if (shape.n == 0) return OK;
    VEC_DTYPE(x->dtype, T, {
        VEC_WIDTH(shape.n, vec_width<T>::value, N, {
            CUDA_LAUNCH((relu_forward_kernel<T, N>), cuda_blocks(shape.n / N), CUDA_BLOCK, 0,
                        cuda_stream(call), (T *)y->data, (const T *)x->data, shape);
        });
    });
    return cuda_check(call, "relu");
}

enum status cuda_relu_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    const struct tensor *x = call->in[0], *y = call->out[0];
    struct relu_shape shape = relu_shape_of(x);
    bool adds = backward->beta[0] != 0.0f;
    if (!backward->want[0] || shape.n == 0) return OK;
    assert(x->grad_dtype == y->grad_dtype);
    VEC_DTYPE(x->dtype, T, {
        VEC_DTYPE(x->grad_dtype, G, {
            VEC_WIDTH(shape.n, vec_width<T>::value, N, {
                CUDA_LAUNCH((relu_backward_kernel<T, G, N>), cuda_blocks(shape.n / N), CUDA_BLOCK,
                            0, cuda_stream(call), (G *)x->grad, (const G *)y->grad,
                            (const T *)y->data, adds, shape);
            });
        });
    });
    return cuda_check(call, "relu");
}
