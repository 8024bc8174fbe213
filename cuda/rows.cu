#include "cuda/rows.h"

#include "cuda/launch.h"
#include "cuda/list.h"
#include "cuda/vec.h"

// A block of the mask: 32 groups of channels wide, 8 rows high.
enum { ROWS_X = 32, ROWS_Y = 8, ROWS_MAX_CHUNKS = 1024, ROWS_MIN_CHUNK = 8 * ROWS_Y };
enum { ROWS_SUM_Y = 16 };

struct rows_shape rows_shape_of(const struct tensor *t)
{
    struct rows_shape shape;
    shape.n_items = t->shape[0];
    shape.n_channels = (size_t)t->shape[t->rank - 1];
    size_t n = tensor_count(t), per_row = shape.n_channels * (size_t)t->shape[0];
    shape.rows_per_item = per_row ? n / per_row : 0;
    shape.valid = t->valid;
    return shape;
}

static size_t rows_n(const struct rows_shape *shape)
{
    return (size_t)shape->n_items * shape->rows_per_item;
}

// Rows that hold something.
static __device__ inline size_t rows_used(const int32_t *count, int64_t n_items,
                                          size_t rows_per_item)
{
    return (size_t)list_count(count, n_items) * rows_per_item;
}

// ---- after a product ---------------------------------------------------------------------------

template <typename F, typename T, int N>
static __global__ void rows_epilogue_kernel(T *to, const F *from, const float *bias,
                                            const T *residual, bool relu, size_t n,
                                            size_t n_channels, const int32_t *count,
                                            int64_t n_items, size_t rows_per_item)
{
    size_t used = rows_used(count, n_items, rows_per_item) * n_channels;
    for (size_t i = CUDA_FIRST * N; i < n; i += CUDA_STEP * N) {
        float v[N], add[N];
        vec_load<N>(v, from + i);
        if (residual) {
            vec_load<N>(add, residual + i);
#pragma unroll
            for (int k = 0; k < N; k++) v[k] += add[k];
        }
        if (bias) {
            vec_load<N>(add, bias + i % n_channels);
#pragma unroll
            for (int k = 0; k < N; k++) v[k] += add[k];
        }
#pragma unroll
        for (int k = 0; k < N; k++) {
            if (relu && v[k] < 0.0f) v[k] = 0.0f;
            if (i >= used) v[k] = 0.0f; // N divides a row: all or none
        }
        vec_store<N>(to + i, v);
    }
}

// Elements in one access, for both types.
template <typename A, typename B> struct rows_width {
    enum {
        a = vec_width<A>::value,
        b = vec_width<B>::value,
        value = (int)a < (int)b ? (int)a : (int)b
    };
};

enum status cuda_rows_epilogue(const struct op_call *call, const struct rows_epilogue *e)
{
    const struct rows_shape *s = &e->shape;
    size_t n = rows_n(s) * s->n_channels;
    const int32_t *count = list_count_of(s->valid);
    if (n == 0) return OK;
    VEC_DTYPE(e->from.dtype, F, {
        VEC_DTYPE(e->to.dtype, T, {
            enum { W = rows_width<F, T>::value };
            if (s->n_channels % W == 0)
                CUDA_LAUNCH((rows_epilogue_kernel<F, T, W>), cuda_blocks(n / W), CUDA_BLOCK, 0,
                            cuda_stream(call), (T *)e->to.data, (const F *)e->from.data, e->bias,
                            (const T *)e->residual, e->relu, n, s->n_channels, count, s->n_items,
                            s->rows_per_item);
            else
                CUDA_LAUNCH((rows_epilogue_kernel<F, T, 1>), cuda_blocks(n), CUDA_BLOCK, 0,
                            cuda_stream(call), (T *)e->to.data, (const F *)e->from.data, e->bias,
                            (const T *)e->residual, e->relu, n, s->n_channels, count, s->n_items,
                            s->rows_per_item);
        });
    });
    return cuda_check(call, "epilogue");
}

// ---- before a product's gradient ---------------------------------------------------------------

struct rows_mask_job {
    size_t n_rows, n_channels, chunk; // rows of one block
    const int32_t *count;
    int64_t n_items;
    size_t rows_per_item;
    bool copy_adds;
    float *partial; // (chunks, n_channels); NULL: no sums
};

// blockIdx.x: a chunk of rows, blockIdx.y: ROWS_X * N channels.
template <typename G, typename M, int N>
static __global__ void __launch_bounds__(ROWS_X *ROWS_Y)
    rows_mask_kernel(M *masked, const G *dy, const G *y, G *copy, struct rows_mask_job job)
{
    __shared__ float rows_mask_sums[ROWS_Y][ROWS_X * N];
    size_t used = rows_used(job.count, job.n_items, job.rows_per_item);
    size_t channel = ((size_t)blockIdx.y * ROWS_X + threadIdx.x) * N;
    size_t row = blockIdx.x * job.chunk + threadIdx.y, end = (blockIdx.x + 1) * job.chunk;
    float sum[N];
#pragma unroll
    for (int k = 0; k < N; k++) sum[k] = 0.0f;
    if (end > job.n_rows) end = job.n_rows;
    for (; row < end && channel < job.n_channels; row += ROWS_Y) {
        size_t i = row * job.n_channels + channel;
        float g[N], v[N];
        if (row < used) {
            vec_load<N>(g, dy + i);
            if (y) {
                vec_load<N>(v, y + i);
#pragma unroll
                for (int k = 0; k < N; k++) g[k] = v[k] > 0.0f ? g[k] : 0.0f;
            }
        } else {
#pragma unroll
            for (int k = 0; k < N; k++) g[k] = 0.0f;
        }
        if (masked) vec_store<N>(masked + i, g);
        if (copy) vec_accumulate<N>(copy + i, g, job.copy_adds);
#pragma unroll
        for (int k = 0; k < N; k++) sum[k] += g[k];
    }
    if (!job.partial) return; // of all threads
#pragma unroll
    for (int k = 0; k < N; k++) rows_mask_sums[threadIdx.y][threadIdx.x * N + k] = sum[k];
    __syncthreads();
    for (unsigned k = threadIdx.y; k < N; k += ROWS_Y) {
        size_t c = ((size_t)blockIdx.y * ROWS_X) * N + k * ROWS_X + threadIdx.x;
        if (c >= job.n_channels) continue;
        float total = 0.0f;
        for (int r = 0; r < ROWS_Y; r++) total += rows_mask_sums[r][k * ROWS_X + threadIdx.x];
        job.partial[blockIdx.x * job.n_channels + c] = total;
    }
}

// Blocks: ROWS_X channels. Each row of threads adds up every ROWS_SUM_Yth chunk.
static __global__ void __launch_bounds__(ROWS_X *ROWS_SUM_Y)
    rows_sum_kernel(float *sum, const float *partial, size_t n_chunks, size_t n_channels, bool adds)
{
    __shared__ float rows_sums[ROWS_SUM_Y][ROWS_X];
    size_t c = (size_t)blockIdx.x * ROWS_X + threadIdx.x;
    float total = 0.0f;
    for (size_t i = threadIdx.y; i < n_chunks && c < n_channels; i += ROWS_SUM_Y)
        total += partial[i * n_channels + c];
    rows_sums[threadIdx.y][threadIdx.x] = total;
    __syncthreads();
    if (threadIdx.y > 0 || c >= n_channels) return;
    for (int i = 1; i < ROWS_SUM_Y; i++) total += rows_sums[i][threadIdx.x];
    sum[c] = adds ? sum[c] + total : total;
}

static size_t rows_chunk(const struct rows_shape *shape)
{
    size_t n = rows_n(shape), chunk = (n + ROWS_MAX_CHUNKS - 1) / ROWS_MAX_CHUNKS;
    chunk = (chunk + ROWS_Y - 1) / ROWS_Y * ROWS_Y;
    return chunk < ROWS_MIN_CHUNK ? (size_t)ROWS_MIN_CHUNK : chunk;
}

static size_t rows_chunks(const struct rows_shape *shape)
{
    size_t chunk = rows_chunk(shape);
    return (rows_n(shape) + chunk - 1) / chunk;
}

size_t cuda_rows_mask_scratch(const struct rows_mask *mask)
{
    if (!mask->sum) return 0;
    return rows_chunks(&mask->shape) * mask->shape.n_channels * sizeof(float);
}

enum status cuda_rows_mask(const struct op_call *call, const struct rows_mask *m, void *scratch)
{
    const struct rows_shape *s = &m->shape;
    size_t n_chunks = rows_chunks(s);
    struct rows_mask_job job = {rows_n(s), s->n_channels, rows_chunk(s), list_count_of(s->valid),
                                s->n_items, s->rows_per_item, m->copy_beta != 0.0f,
                                m->sum ? (float *)scratch : NULL};
    bool is_same = m->masked.data == m->dy.data && !m->y && !s->valid;
    void *masked = is_same ? NULL : m->masked.data;
    if (job.n_rows == 0 || job.n_channels == 0) return OK;
    VEC_DTYPE(m->dy.dtype, G, {
        VEC_DTYPE(m->masked.dtype, M, {
            enum { W = rows_width<G, M>::value };
            dim3 block(ROWS_X, ROWS_Y);
            if (s->n_channels % W == 0)
                CUDA_LAUNCH((rows_mask_kernel<G, M, W>),
                            dim3((unsigned)n_chunks, (unsigned)((s->n_channels + ROWS_X * W - 1) /
                                                                (ROWS_X * W))),
                            block, 0, cuda_stream(call), (M *)masked, (const G *)m->dy.data,
                            (const G *)m->y, (G *)m->copy, job);
            else
                CUDA_LAUNCH((rows_mask_kernel<G, M, 1>),
                            dim3((unsigned)n_chunks,
                                 (unsigned)((s->n_channels + ROWS_X - 1) / ROWS_X)),
                            block, 0, cuda_stream(call), (M *)masked, (const G *)m->dy.data,
                            (const G *)m->y, (G *)m->copy, job);
        });
    });
    TRY(cuda_check(call, "mask of a gradient"));
    if (!m->sum) return OK;
    CUDA_LAUNCH(rows_sum_kernel, (unsigned)((s->n_channels + ROWS_X - 1) / ROWS_X),
                dim3(ROWS_X, ROWS_SUM_Y), 0, cuda_stream(call), m->sum, (const float *)scratch,
                n_chunks, s->n_channels, m->sum_beta != 0.0f);
    return cuda_check(call, "sum over rows");
}

// ---- after a product's gradient ----------------------------------------------------------------

template <typename F, typename T, int N>
static __global__ void rows_add_kernel(T *to, const F *from, const float *scale, bool adds,
                                       size_t n, size_t row_length)
{
    for (size_t i = CUDA_FIRST * N; i < n; i += CUDA_STEP * N) {
        float v[N];
        vec_load<N>(v, from + i);
        if (scale) {
            float s = scale[i / row_length];
#pragma unroll
            for (int k = 0; k < N; k++) v[k] *= s;
        }
        vec_accumulate<N>(to + i, v, adds);
    }
}

enum status cuda_rows_add(const struct op_call *call, struct rows_data to, float beta,
                          struct rows_data from, const float *scale, size_t n, size_t row_length)
{
    if (n == 0) return OK;
    VEC_DTYPE(from.dtype, F, {
        VEC_DTYPE(to.dtype, T, {
            enum { W = rows_width<F, T>::value };
            if (n % W == 0 && (!scale || row_length % W == 0))
                CUDA_LAUNCH((rows_add_kernel<F, T, W>), cuda_blocks(n / W), CUDA_BLOCK, 0,
                            cuda_stream(call), (T *)to.data, (const F *)from.data, scale,
                            beta != 0.0f, n, row_length);
            else
                CUDA_LAUNCH((rows_add_kernel<F, T, 1>), cuda_blocks(n), CUDA_BLOCK, 0,
                            cuda_stream(call), (T *)to.data, (const F *)from.data, scale,
                            beta != 0.0f, n, row_length);
        });
    });
    return cuda_check(call, "addition");
}
