#include <assert.h>

#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "cuda/vec.h"

// Along either axis a map is lines of n_in pieces of which y takes n_out.
struct subsample_pieces {
    size_t n_lines, n_in, n_out, floats, step, offset;
};

static struct subsample_pieces subsample_pieces_of(const struct op_call *call)
{
    const struct subsample_args *args = (const struct subsample_args *)call->args;
    const int64_t *x = call->in[0]->shape;
    bool is_rows = args->axis == SUBSAMPLE_ROWS;
    struct subsample_pieces p;
    p.n_lines = (size_t)(is_rows ? x[0] : x[0] * x[1]);
    p.n_in = (size_t)x[args->axis];
    p.n_out = (size_t)call->out[0]->shape[args->axis];
    p.floats = (size_t)(is_rows ? x[2] * x[3] : x[3]);
    p.step = (size_t)args->step;
    p.offset = (size_t)args->offset;
    return p;
}

template <int N>
static __global__ void subsample_kernel(float *y, const float *x, struct subsample_pieces p)
{
    size_t n = p.n_lines * p.n_out * p.floats;
    for (size_t i = CUDA_FIRST * N; i < n; i += CUDA_STEP * N) {
        size_t piece = i / p.floats;
        size_t in = piece / p.n_out * p.n_in + p.offset + piece % p.n_out * p.step;
        vec_copy<N>(y + i, x + in * p.floats + i % p.floats);
    }
}

template <int N>
static __global__ void subsample_backward_kernel(float *dx, const float *dy, bool adds,
                                                 struct subsample_pieces p)
{
    size_t n = p.n_lines * p.n_in * p.floats;
    for (size_t i = CUDA_FIRST * N; i < n; i += CUDA_STEP * N) {
        size_t piece = i / p.floats, at = piece % p.n_in;
        bool is_taken = at % p.step == p.offset && at / p.step < p.n_out;
        float g[N];
        if (!is_taken && adds) continue;
#pragma unroll
        for (int k = 0; k < N; k++) g[k] = 0.0f;
        if (is_taken)
            vec_load<N>(g, dy + (piece / p.n_in * p.n_out + at / p.step) * p.floats + i % p.floats);
        vec_accumulate<N>(dx + i, g, adds);
    }
}

enum status cuda_subsample_forward(const struct op_call *call)
{
    struct subsample_pieces p = subsample_pieces_of(call);
    size_t n = tensor_count(call->out[0]);
    if (n == 0) return OK;
    VEC_WIDTH(p.floats, 4, N, {
        CUDA_LAUNCH(subsample_kernel<N>, cuda_blocks(n / N), CUDA_BLOCK, 0, cuda_stream(call),
                    (float *)call->out[0]->data, (const float *)call->in[0]->data, p);
    });
    return cuda_check(call, "subsample");
}

enum status cuda_subsample_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    const struct tensor *x = call->in[0], *y = call->out[0];
    struct subsample_pieces p = subsample_pieces_of(call);
    size_t n = tensor_count(x);
    if (!backward->want[0] || n == 0) return OK;
    assert(x->grad_dtype == DTYPE_F32 && y->grad_dtype == DTYPE_F32);
    VEC_WIDTH(p.floats, 4, N, {
        CUDA_LAUNCH(subsample_backward_kernel<N>, cuda_blocks(n / N), CUDA_BLOCK, 0,
                    cuda_stream(call), (float *)x->grad, (const float *)y->grad,
                    backward->beta[0] != 0.0f, p);
    });
    return cuda_check(call, "subsample");
}
