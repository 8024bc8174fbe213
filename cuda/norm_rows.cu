#include "cuda/norm_rows.h"

#include <assert.h>

#include "cuda/launch.h"
#include "cuda/vec.h"

enum { NORM_LANES = 32, NORM_STEP = CUDA_BLOCK / NORM_LANES, NORM_WARPS = CUDA_BLOCK / 32 };

struct norm_shape norm_shape_of(size_t n_images, size_t n_rows, size_t n_channels, size_t groups)
{
    enum { MIN_ROWS = 32, BLOCKS = 1024 };
    struct norm_shape s;
    s.n_images = n_images;
    s.n_rows = n_rows;
    s.c = (unsigned)n_channels;
    s.groups = (unsigned)groups;
    s.width = s.c / s.groups;
    // Enough blocks for a large GPU, few enough for their sums to be cheap to add.
    size_t tiles = (n_channels + 4 * NORM_LANES - 1) / (4 * NORM_LANES) * n_images;
    size_t wanted = tiles < BLOCKS ? BLOCKS / tiles : 1;
    size_t rows = (n_rows + wanted - 1) / wanted;
    if (rows < MIN_ROWS) rows = MIN_ROWS;
    s.block_rows = (unsigned)rows;
    s.n_blocks = (unsigned)((n_rows + rows - 1) / rows);
    return s;
}

// Blocks are NORM_LANES vectors of channels wide and NORM_STEP rows high.
static dim3 norm_grid(const struct norm_shape *s, int width)
{
    unsigned per_block = NORM_LANES * (unsigned)width;
    return dim3((s->c + per_block - 1) / per_block, s->n_blocks, (unsigned)s->n_images);
}

static dim3 norm_block(void)
{
    return dim3(NORM_LANES, NORM_STEP, 1);
}

// What a thread walks over: rows [row, end) in steps of NORM_STEP, channels from `channel` on.
struct norm_walk {
    size_t row, end; // of all images
    unsigned channel;
    bool inside;
};

template <int N> static __device__ struct norm_walk norm_walk_of(const struct norm_shape *s)
{
    struct norm_walk w;
    size_t begin = (size_t)blockIdx.y * s->block_rows, end = begin + s->block_rows;
    size_t image = (size_t)blockIdx.z * s->n_rows;
    w.row = image + begin + threadIdx.y;
    w.end = image + (end < s->n_rows ? end : s->n_rows);
    w.channel = (blockIdx.x * NORM_LANES + threadIdx.x) * N;
    w.inside = w.channel < s->c;
    return w;
}

// Sums two values of N channels over the block's rows and stores them for this block.
template <int N>
static __device__ void norm_store_sums(const struct norm_shape *s, const struct norm_walk *w,
                                       const float *a, const float *b, float *sums, float *sums_b)
{
    __shared__ float shared[2][NORM_STEP][NORM_LANES];
    for (int k = 0; k < N; k++) {
        shared[0][threadIdx.y][threadIdx.x] = a[k];
        shared[1][threadIdx.y][threadIdx.x] = b[k];
        __syncthreads();
        if (threadIdx.y < 2 && w->inside) {
            float sum = 0.0f;
            for (int i = 0; i < NORM_STEP; i++) sum += shared[threadIdx.y][i][threadIdx.x];
            float *to = threadIdx.y == 0 ? sums : sums_b;
            to[((size_t)blockIdx.z * s->n_blocks + blockIdx.y) * s->c + w->channel + k] = sum;
        }
        __syncthreads();
    }
}

// ---- statistics --------------------------------------------------------------------------------

// Sums of the deviations from the block's first row, and of their squares: they keep their digits
// whatever the channel's mean is. The first row is the same for all threads of the block.
template <typename T, int N>
static __global__ void norm_moments_kernel(const T *x, float *sums, float *squares,
                                           struct norm_shape s)
{
    struct norm_walk w = norm_walk_of<N>(&s);
    float sum[N] = {}, square[N] = {};
    if (w.inside) {
        float origin[N], v[N];
        vec_load<N>(origin, x + (w.row - threadIdx.y) * s.c + w.channel);
        for (size_t row = w.row; row < w.end; row += NORM_STEP) {
            vec_load<N>(v, x + row * s.c + w.channel);
#pragma unroll
            for (int k = 0; k < N; k++) {
                float d = v[k] - origin[k];
                sum[k] += d;
                square[k] = fmaf(d, d, square[k]);
            }
        }
    }
    norm_store_sums<N>(&s, &w, sum, square, sums, squares);
}

static __device__ double norm_warp_sum(double sum)
{
    for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(CUDA_ALL_LANES, sum, step);
    return sum;
}

// One warp joins the blocks and channels of one image's group: first their means, then the squares
// about the common one.
template <typename T>
static __global__ void norm_join_kernel(const T *x, const float *sums, const float *squares,
                                        float *mean, float *rstd, double eps, float *running_mean,
                                        float *running_var, double momentum, struct norm_shape s)
{
    size_t item = (size_t)blockIdx.x * NORM_WARPS + threadIdx.x / 32;
    if (item >= s.n_images * s.groups) return; // a whole warp
    unsigned lane = threadIdx.x % 32;
    size_t image = item / s.groups, group = item % s.groups;
    size_t n_parts = (size_t)s.n_blocks * s.width;
    double count = (double)s.n_rows * s.width, total = 0.0, about = 0.0;
    for (int pass = 0; pass < 2; pass++) {
        double sum = 0.0;
        for (size_t i = lane; i < n_parts; i += 32) {
            size_t block = i / s.width, channel = group * s.width + i % s.width;
            size_t part = (image * s.n_blocks + block) * s.c + channel;
            size_t first = image * s.n_rows + block * s.block_rows;
            size_t left = s.n_rows - block * s.block_rows;
            double n = (double)(left < s.block_rows ? left : s.block_rows);
            double origin = (double)to_float(x[first * s.c + channel]), d = (double)sums[part];
            if (pass == 0) {
                sum += n * origin + d;
            } else {
                double delta = origin + d / n - total;
                sum += (double)squares[part] - d * d / n + n * delta * delta;
            }
        }
        sum = norm_warp_sum(sum);
        if (pass == 0) total = sum / count;
        else about = sum;
    }
    if (lane > 0) return;
    if (about < 0.0) about = 0.0;
    mean[item] = (float)total;
    rstd[item] = (float)(1.0 / sqrt(about / count + eps));
    if (!running_mean) return;
    double unbiased = count > 1.0 ? about / (count - 1.0) : about;
    running_mean[item] =
        (float)((1.0 - momentum) * (double)running_mean[item] + momentum * total);
    running_var[item] =
        (float)((1.0 - momentum) * (double)running_var[item] + momentum * unbiased);
}

size_t norm_scratch(const struct norm_shape *s)
{
    size_t parts = cuda_scratch_round(s->n_images * s->n_blocks * s->c * sizeof(float));
    size_t channels = cuda_scratch_round(s->n_images * s->c * sizeof(double));
    return 2 * parts + 2 * channels;
}

enum status norm_moments(const struct op_call *call, const struct norm_args *args, void *scratch,
                         float *running_mean, float *running_var, double momentum)
{
    const struct norm_shape s = args->shape;
    const struct tensor *x = args->x;
    size_t n_parts = s.n_images * s.n_blocks * s.c, n_items = s.n_images * s.groups;
    char *at = (char *)scratch;
    float *sums = (float *)cuda_scratch_cut(&at, n_parts * sizeof *sums);
    float *squares = (float *)cuda_scratch_cut(&at, n_parts * sizeof *squares);
    VEC_DTYPE(x->dtype, T, {
        VEC_WIDTH(s.c, vec_width<T>::value, N, {
            CUDA_LAUNCH((norm_moments_kernel<T, N>), norm_grid(&s, N), norm_block(), 0,
                        cuda_stream(call), (const T *)x->data, sums, squares, s);
        });
        CUDA_LAUNCH(norm_join_kernel<T>, (unsigned)((n_items + NORM_WARPS - 1) / NORM_WARPS),
                    CUDA_BLOCK, 0, cuda_stream(call), (const T *)x->data, sums, squares,
                    args->mean, args->rstd, args->eps, running_mean, running_var, momentum, s);
    });
    return cuda_check(call, "norm, statistics");
}

// ---- forward -----------------------------------------------------------------------------------

template <typename T, int N>
static __global__ void norm_apply_kernel(T *y, const T *x, const T *residual, const float *mean,
                                         const float *rstd, const float *gamma, const float *beta,
                                         bool relu, struct norm_shape s)
{
    struct norm_walk w = norm_walk_of<N>(&s);
    float m[N], a[N], b[N];
    if (!w.inside) return;
#pragma unroll
    for (int k = 0; k < N; k++) {
        size_t item = (size_t)blockIdx.z * s.groups + (w.channel + k) / s.width;
        m[k] = mean[item];
        a[k] = gamma[w.channel + k] * rstd[item];
        b[k] = beta[w.channel + k];
    }
    for (size_t row = w.row; row < w.end; row += NORM_STEP) {
        size_t at = row * s.c + w.channel;
        float v[N], r[N] = {};
        vec_load<N>(v, x + at);
        if (residual) vec_load<N>(r, residual + at);
#pragma unroll
        for (int k = 0; k < N; k++) {
            float value = fmaf(v[k] - m[k], a[k], b[k]) + r[k];
            v[k] = relu && value < 0.0f ? 0.0f : value;
        }
        vec_store<N>(y + at, v);
    }
}

enum status norm_apply(const struct op_call *call, const struct norm_args *args)
{
    const struct norm_shape s = args->shape;
    const struct tensor *x = args->x;
    VEC_DTYPE(x->dtype, T, {
        VEC_WIDTH(s.c, vec_width<T>::value, N, {
            CUDA_LAUNCH((norm_apply_kernel<T, N>), norm_grid(&s, N), norm_block(), 0,
                        cuda_stream(call), (T *)args->y->data, (const T *)x->data,
                        args->residual ? (const T *)args->residual->data : NULL, args->mean,
                        args->rstd, (const float *)args->gamma->data,
                        (const float *)args->beta->data, args->relu, s);
        });
    });
    return cuda_check(call, "norm");
}

// ---- backward ----------------------------------------------------------------------------------

// Sums dy and dy * (x - mean), where relu let it through; adds it to the residual's gradient.
template <typename T, typename G, int N>
static __global__ void norm_sums_kernel(const G *dy, const T *x, const T *y, G *dresidual,
                                        bool adds, const float *mean, float *sums, float *sums_x,
                                        struct norm_shape s)
{
    struct norm_walk w = norm_walk_of<N>(&s);
    float sum[N] = {}, sum_x[N] = {}, m[N] = {};
    if (w.inside) {
#pragma unroll
        for (int k = 0; k < N; k++)
            m[k] = mean[(size_t)blockIdx.z * s.groups + (w.channel + k) / s.width];
        for (size_t row = w.row; row < w.end; row += NORM_STEP) {
            size_t at = row * s.c + w.channel;
            float g[N], v[N], out[N];
            vec_load<N>(g, dy + at);
            vec_load<N>(v, x + at);
            if (y) vec_load<N>(out, y + at);
#pragma unroll
            for (int k = 0; k < N; k++) {
                if (y && !(out[k] > 0.0f)) g[k] = 0.0f;
                sum[k] += g[k];
                sum_x[k] = fmaf(g[k], v[k] - m[k], sum_x[k]);
            }
            if (dresidual) vec_accumulate<N>(dresidual + at, g, adds);
        }
    }
    norm_store_sums<N>(&s, &w, sum, sum_x, sums, sums_x);
}

// One warp adds up the blocks of one image's channel.
static __global__ void norm_add_kernel(const float *sums, const float *sums_x, double *u,
                                       double *v, struct norm_shape s)
{
    size_t item = (size_t)blockIdx.x * NORM_WARPS + threadIdx.x / 32;
    if (item >= s.n_images * s.c) return;
    size_t image = item / s.c, channel = item % s.c;
    double sum = 0.0, sum_x = 0.0;
    for (size_t block = threadIdx.x % 32; block < s.n_blocks; block += 32) {
        size_t part = (image * s.n_blocks + block) * s.c + channel;
        sum += (double)sums[part];
        sum_x += (double)sums_x[part];
    }
    sum = norm_warp_sum(sum);
    sum_x = norm_warp_sum(sum_x);
    if (threadIdx.x % 32 > 0) return;
    u[item] = sum;
    v[item] = sum_x;
}

// dgamma and dbeta (NULL: not wanted), image after image.
static __global__ void norm_params_kernel(const double *u, const double *v, const float *rstd,
                                          float *dgamma, bool gamma_adds, float *dbeta,
                                          bool beta_adds, struct norm_shape s)
{
    unsigned channel = blockIdx.x * CUDA_BLOCK + threadIdx.x;
    if (channel >= s.c) return;
    double sum = 0.0, sum_x = 0.0;
    for (size_t image = 0; image < s.n_images; image++) {
        sum += u[image * s.c + channel];
        sum_x += v[image * s.c + channel] *
                 (double)rstd[image * s.groups + channel / s.width];
    }
    if (dgamma)
        dgamma[channel] = (float)(gamma_adds ? (double)dgamma[channel] + sum_x : sum_x);
    if (dbeta) dbeta[channel] = (float)(beta_adds ? (double)dbeta[channel] + sum : sum);
}

struct norm_dx_values {
    const double *u, *v; // sums of a channel of an image
    const float *mean, *rstd, *gamma;
    bool depends, adds, residual_is_x;
};

// dx = dy * p + q + (x - mean) * r; where x is its own residual, dy comes to it once more.
template <typename T, typename G, int N>
static __global__ void norm_dx_kernel(G *dx, const G *dy, const T *x, const T *y,
                                      struct norm_dx_values values, struct norm_shape s)
{
    struct norm_walk w = norm_walk_of<N>(&s);
    float m[N], p[N], q[N] = {}, r[N] = {};
    if (!w.inside) return;
    for (int k = 0; k < N; k++) {
        unsigned channel = w.channel + (unsigned)k, group = channel / s.width;
        size_t item = (size_t)blockIdx.z * s.groups + group;
        double scale = (double)values.rstd[item], sum = 0.0, sum_x = 0.0;
        double n = (double)s.n_rows * s.width;
        for (unsigned j = group * s.width; values.depends && j < (group + 1) * s.width; j++) {
            size_t at = (size_t)blockIdx.z * s.c + j;
            sum += (double)values.gamma[j] * values.u[at];
            sum_x += (double)values.gamma[j] * values.v[at];
        }
        m[k] = values.mean[item];
        p[k] = (float)((double)values.gamma[channel] * scale);
        if (values.residual_is_x) p[k] += 1.0f;
        q[k] = (float)(-scale * sum / n);
        r[k] = (float)(-scale * scale * scale * sum_x / n);
    }
    for (size_t row = w.row; row < w.end; row += NORM_STEP) {
        size_t at = row * s.c + w.channel;
        float g[N], v[N], out[N];
        vec_load<N>(g, dy + at);
        vec_load<N>(v, x + at);
        if (y) vec_load<N>(out, y + at);
#pragma unroll
        for (int k = 0; k < N; k++) {
            if (y && !(out[k] > 0.0f)) g[k] = 0.0f;
            g[k] = fmaf(g[k], p[k], q[k]) + (v[k] - m[k]) * r[k];
        }
        vec_accumulate<N>(dx + at, g, values.adds);
    }
}

static float *norm_wanted(const struct op_backward_call *backward, int input)
{
    return backward->want[input] ? (float *)backward->forward->in[input]->grad : NULL;
}

enum status norm_backward(const struct op_backward_call *backward, const struct norm_args *args,
                          struct norm_inputs in, bool depends, void *scratch)
{
    const struct op_call *call = backward->forward;
    const struct norm_shape s = args->shape;
    const struct tensor *x = args->x, *y = args->y, *residual = args->residual;
    size_t n_parts = s.n_images * s.n_blocks * s.c, n_items = s.n_images * s.c;
    char *at = (char *)scratch;
    float *sums = (float *)cuda_scratch_cut(&at, n_parts * sizeof *sums);
    float *sums_x = (float *)cuda_scratch_cut(&at, n_parts * sizeof *sums_x);
    double *u = (double *)cuda_scratch_cut(&at, n_items * sizeof *u);
    double *v = (double *)cuda_scratch_cut(&at, n_items * sizeof *v);
    // x as its own residual: dx comes once, as the tape's beta says.
    bool residual_is_x = residual == x;
    void *dresidual = backward->want[in.residual] && !residual_is_x ? residual->grad : NULL;
    struct norm_dx_values values = {u, v, args->mean, args->rstd,
                                    (const float *)args->gamma->data, depends,
                                    backward->beta[in.x] != 0.0f, residual_is_x};
    assert(x->grad_dtype == y->grad_dtype);
    VEC_DTYPE(x->dtype, T, {
        VEC_DTYPE(y->grad_dtype, G, {
            VEC_WIDTH(s.c, vec_width<T>::value, N, {
                const T *mask = args->relu ? (const T *)y->data : NULL;
                CUDA_LAUNCH((norm_sums_kernel<T, G, N>), norm_grid(&s, N), norm_block(), 0,
                            cuda_stream(call), (const G *)y->grad, (const T *)x->data, mask,
                            (G *)dresidual, backward->beta[in.residual] != 0.0f, args->mean, sums,
                            sums_x, s);
                CUDA_LAUNCH(norm_add_kernel, (unsigned)((n_items + NORM_WARPS - 1) / NORM_WARPS),
                            CUDA_BLOCK, 0, cuda_stream(call), sums, sums_x, u, v, s);
                if (backward->want[in.x])
                    CUDA_LAUNCH((norm_dx_kernel<T, G, N>), norm_grid(&s, N), norm_block(), 0,
                                cuda_stream(call), (G *)x->grad, (const G *)y->grad,
                                (const T *)x->data, mask, values, s);
            });
        });
    });
    CUDA_LAUNCH(norm_params_kernel, cuda_blocks(s.c), CUDA_BLOCK, 0, cuda_stream(call), u, v,
                args->rstd, norm_wanted(backward, in.gamma), backward->beta[in.gamma] != 0.0f,
                norm_wanted(backward, in.beta), backward->beta[in.beta] != 0.0f, s);
    return cuda_check(call, "norm, backward");
}
