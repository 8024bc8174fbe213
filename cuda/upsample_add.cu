#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "cuda/vec.h"

enum { UPSAMPLE_TOP, UPSAMPLE_LATERAL };

struct upsample_geometry {
    unsigned n, top_h, top_w, h, w, c;
};

static struct upsample_geometry upsample_geometry_of(const struct op_call *call)
{
    const int64_t *top = call->in[UPSAMPLE_TOP]->shape, *y = call->in[UPSAMPLE_LATERAL]->shape;
    struct upsample_geometry g = {(unsigned)y[0], (unsigned)top[1], (unsigned)top[2],
                                  (unsigned)y[1], (unsigned)y[2], (unsigned)y[3]};
    return g;
}

// The first destination whose source index floor(dst * in / out) is at least `source`.
static __device__ unsigned upsample_first(unsigned source, unsigned n_in, unsigned n_out)
{
    return (unsigned)(((uint64_t)source * n_out + n_in - 1) / n_in);
}

// A block row is one row of the map; its threads take the row's vectors.
template <typename T, int N>
static __global__ void upsample_add_kernel(T *y, const T *top, const T *lateral,
                                           struct upsample_geometry g)
{
    for (unsigned row = blockIdx.x; row < g.n * g.h; row += gridDim.x) {
        unsigned image = row / g.h, from_y = (unsigned)((uint64_t)(row % g.h) * g.top_h / g.h);
        const T *from = top + ((size_t)image * g.top_h + from_y) * g.top_w * g.c;
        size_t first = (size_t)row * g.w * g.c;
        for (unsigned i = threadIdx.x * N; i < g.w * g.c; i += blockDim.x * N) {
            unsigned x = i / g.c, channel = i % g.c;
            float a[N], b[N];
            vec_load<N>(a, lateral + first + i);
            vec_load<N>(b, from + (size_t)((uint64_t)x * g.top_w / g.w) * g.c + channel);
#pragma unroll
            for (int k = 0; k < N; k++) a[k] += b[k];
            vec_store<N>(y + first + i, a);
        }
    }
}

// Gathers, in the order of rows and columns.
template <typename G, int N>
static __global__ void upsample_top_kernel(G *dtop, const G *dy, bool adds,
                                           struct upsample_geometry g)
{
    for (unsigned row = blockIdx.x; row < g.n * g.top_h; row += gridDim.x) {
        unsigned image = row / g.top_h, top_y = row % g.top_h;
        unsigned y0 = upsample_first(top_y, g.top_h, g.h);
        unsigned y1 = upsample_first(top_y + 1, g.top_h, g.h);
        for (unsigned i = threadIdx.x * N; i < g.top_w * g.c; i += blockDim.x * N) {
            unsigned top_x = i / g.c, channel = i % g.c;
            unsigned x0 = upsample_first(top_x, g.top_w, g.w);
            unsigned x1 = upsample_first(top_x + 1, g.top_w, g.w);
            float sum[N] = {};
            for (unsigned y = y0; y < y1; y++)
                for (unsigned x = x0; x < x1; x++) {
                    float v[N];
                    vec_load<N>(v, dy + (((size_t)image * g.h + y) * g.w + x) * g.c + channel);
#pragma unroll
                    for (int k = 0; k < N; k++) sum[k] += v[k];
                }
            vec_accumulate<N>(dtop + (size_t)row * g.top_w * g.c + i, sum, adds);
        }
    }
}

template <typename G, int N>
static __global__ void upsample_lateral_kernel(G *to, const G *from, bool adds, size_t n)
{
    for (size_t i = CUDA_FIRST * N; i < n; i += CUDA_STEP * N) {
        float v[N];
        vec_load<N>(v, from + i);
        vec_accumulate<N>(to + i, v, adds);
    }
}

static unsigned upsample_blocks(unsigned n_rows)
{
    unsigned most = CUDA_MAX_BLOCKS;
    return n_rows < most ? n_rows : most;
}

enum status cuda_upsample_add_forward(const struct op_call *call)
{
    struct upsample_geometry g = upsample_geometry_of(call);
    const struct tensor *y = call->out[0];
    if (tensor_count(y) == 0) return OK;
    VEC_DTYPE(y->dtype, T, {
        VEC_WIDTH(g.c, vec_width<T>::value, N, {
            CUDA_LAUNCH((upsample_add_kernel<T, N>), upsample_blocks(g.n * g.h), CUDA_BLOCK, 0,
                        cuda_stream(call), (T *)y->data, (const T *)call->in[UPSAMPLE_TOP]->data,
                        (const T *)call->in[UPSAMPLE_LATERAL]->data, g);
        });
    });
    return cuda_check(call, "upsample_add");
}

enum status cuda_upsample_add_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    struct upsample_geometry g = upsample_geometry_of(call);
    const struct tensor *top = call->in[UPSAMPLE_TOP], *lateral = call->in[UPSAMPLE_LATERAL];
    const struct tensor *y = call->out[0];
    size_t n = tensor_count(y);
    if (n == 0) return OK;
    VEC_DTYPE(y->grad_dtype, G, {
        VEC_WIDTH(g.c, vec_width<G>::value, N, {
            if (backward->want[UPSAMPLE_TOP])
                CUDA_LAUNCH((upsample_top_kernel<G, N>), upsample_blocks(g.n * g.top_h), CUDA_BLOCK,
                            0, cuda_stream(call), (G *)top->grad, (const G *)y->grad,
                            backward->beta[UPSAMPLE_TOP] != 0.0f, g);
            if (backward->want[UPSAMPLE_LATERAL])
                CUDA_LAUNCH((upsample_lateral_kernel<G, N>), cuda_blocks(n / N), CUDA_BLOCK, 0,
                            cuda_stream(call), (G *)lateral->grad, (const G *)y->grad,
                            backward->beta[UPSAMPLE_LATERAL] != 0.0f, n);
        });
    });
    return cuda_check(call, "upsample_add");
}
