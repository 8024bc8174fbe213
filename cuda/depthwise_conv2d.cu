#include "cuda/kernels.h"
#include "cuda/map.h"

enum { DEPTHWISE_X, DEPTHWISE_W, DEPTHWISE_BIAS };

static struct map_geometry depthwise_map_of(const struct op_call *call)
{
    return map_geometry_of(call, &((const struct depthwise_conv2d_args *)call->args)->window);
}

template <int N>
static __global__ void __launch_bounds__(MAP_BLOCK)
    depthwise_forward_kernel(const struct map_geometry map, float *y, const float *x,
                             const float *w, const float *bias)
{
    int channel = MAP_VECTOR * N;
    if (channel >= map.c) return;
    for (unsigned i = MAP_FIRST; i < map_windows(&map); i += MAP_STEP) {
        struct map_patch p = map_patch_of(&map, i);
        float sum[N];
#pragma unroll
        for (int k = 0; k < N; k++) sum[k] = bias ? bias[channel + k] : 0.0f;
        for (int r = 0; r < p.rows; r++)
            for (int q = 0; q < p.cols; q++) {
                float a[N], tap[N];
                int at = (p.top + r) * map.window.kernel_w + p.left + q;
                vec_load<N>(a, x + p.first + (size_t)r * p.row + (size_t)q * map.c + channel);
                vec_load<N>(tap, w + (size_t)at * map.c + channel);
#pragma unroll
                for (int k = 0; k < N; k++) sum[k] = fmaf(a[k], tap[k], sum[k]);
            }
        vec_store<N>(y + p.out + channel, sum);
    }
}

template <int N>
static __global__ void __launch_bounds__(MAP_BLOCK)
    depthwise_dx_kernel(const struct map_geometry map, float *dx, const float *dy, const float *w,
                        bool adds)
{
    const struct window *win = &map.window;
    int channel = MAP_VECTOR * N;
    if (channel >= map.c) return;
    for (unsigned i = MAP_FIRST; i < map_pixels(&map); i += MAP_STEP) {
        struct map_pixel p = map_pixel_of(&map, i);
        float sum[N] = {0.0f};
        for (int r = 0; r < p.n_oh; r++)
            for (int q = 0; q < p.n_ow; q++) {
                float g[N], tap[N];
                int row = p.h + win->pad_begin_h - (p.oh + r) * win->stride_h;
                int col = p.w + win->pad_begin_w - (p.ow + q) * win->stride_w;
                vec_load<N>(g, dy + map_out_at(&map, &p, r, q) + channel);
                vec_load<N>(tap, w + (size_t)(row * win->kernel_w + col) * map.c + channel);
#pragma unroll
                for (int k = 0; k < N; k++) sum[k] = fmaf(g[k], tap[k], sum[k]);
            }
        vec_accumulate<N>(dx + (size_t)i * map.c + channel, sum, adds);
    }
}

// ---- the filter's gradient: partial sums of windows, then added in double -----------------------

enum { DEPTHWISE_MAX_ROWS = 128, DEPTHWISE_SUM_Y = 8, DEPTHWISE_SUM_X = 32 };

// blockIdx.z: the tap, after the last one the bias. partial (rows, taps + 1, C).
static __global__ void __launch_bounds__(MAP_BLOCK)
    depthwise_dw_kernel(const struct map_geometry map, float *partial, const float *x,
                        const float *dy, int n_taps)
{
    __shared__ float sums[MAP_BLOCK];
    const struct window *win = &map.window;
    int channel = MAP_VECTOR, tap = (int)blockIdx.z;
    int row = tap / win->kernel_w, col = tap % win->kernel_w;
    float sum = 0.0f;
    for (unsigned i = MAP_FIRST; i < map_windows(&map) && channel < map.c; i += MAP_STEP) {
        struct map_patch p = map_patch_of(&map, i);
        int r = row - p.top, q = col - p.left;
        float g = dy[p.out + channel];
        if (tap == n_taps)
            sum += g;
        else if (r >= 0 && r < p.rows && q >= 0 && q < p.cols)
            sum = fmaf(g, x[p.first + (size_t)r * p.row + (size_t)q * map.c + channel], sum);
    }
    sums[threadIdx.y * blockDim.x + threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y != 0 || channel >= map.c) return;
    for (unsigned y = 1; y < blockDim.y; y++) sum += sums[y * blockDim.x + threadIdx.x];
    partial[((size_t)blockIdx.x * (n_taps + 1) + tap) * map.c + channel] = sum;
}

static __global__ void depthwise_sum_kernel(float *grad, const float *partial, unsigned n_rows,
                                            int n, size_t stride, bool adds)
{
    __shared__ double sums[DEPTHWISE_SUM_Y][DEPTHWISE_SUM_X];
    int x = (int)threadIdx.x % DEPTHWISE_SUM_X, y = (int)threadIdx.x / DEPTHWISE_SUM_X;
    int column = (int)blockIdx.x * DEPTHWISE_SUM_X + x;
    double sum = 0.0;
    for (unsigned row = (unsigned)y; row < n_rows && column < n; row += DEPTHWISE_SUM_Y)
        sum += (double)partial[row * stride + column];
    sums[y][x] = sum;
    __syncthreads();
    if (y != 0 || column >= n) return;
    for (int i = 1; i < DEPTHWISE_SUM_Y; i++) sum += sums[i][x];
    grad[column] = adds ? (float)((double)grad[column] + sum) : (float)sum;
}

static void depthwise_sum(const struct op_backward_call *backward, int input, const float *partial,
                          unsigned n_rows, size_t stride)
{
    const struct op_call *call = backward->forward;
    if (!backward->want[input]) return;
    int n = (int)tensor_count(call->in[input]);
    CUDA_LAUNCH(depthwise_sum_kernel, (unsigned)((n + DEPTHWISE_SUM_X - 1) / DEPTHWISE_SUM_X),
                DEPTHWISE_SUM_X * DEPTHWISE_SUM_Y, 0, cuda_stream(call),
                (float *)call->in[input]->grad, partial, n_rows, n, stride,
                backward->beta[input] != 0.0f);
}

static enum status depthwise_filter_gradient(const struct op_backward_call *backward,
                                             const struct map_geometry *map)
{
    const struct op_call *call = backward->forward;
    int n_taps = map->window.kernel_h * map->window.kernel_w;
    struct map_grid grid = map_grid_of(map->c, map_windows(map), DEPTHWISE_MAX_ROWS);
    unsigned n_rows = grid.grid.x;
    size_t stride = (size_t)(n_taps + 1) * map->c;
    float *partial;
    TRY(call->backend->scratch(call->backend, n_rows * stride * sizeof *partial,
                               (void **)&partial));
    grid.grid.z = (unsigned)n_taps + 1;
    CUDA_LAUNCH(depthwise_dw_kernel, grid.grid, grid.block, 0, cuda_stream(call), *map, partial,
                (const float *)call->in[DEPTHWISE_X]->data, (const float *)call->out[0]->grad,
                n_taps);
    depthwise_sum(backward, DEPTHWISE_W, partial, n_rows, stride);
    depthwise_sum(backward, DEPTHWISE_BIAS, partial + (size_t)n_taps * map->c, n_rows, stride);
    return cuda_check(call, "depthwise_conv2d");
}

// ------------------------------------------------------------------------------------------------

enum status cuda_depthwise_conv2d_forward(const struct op_call *call)
{
    struct map_geometry map = depthwise_map_of(call);
    const struct tensor *bias = call->in[DEPTHWISE_BIAS];
    const float *x = (const float *)call->in[DEPTHWISE_X]->data;
    const float *w = (const float *)call->in[DEPTHWISE_W]->data;
    const float *b = bias ? (const float *)bias->data : NULL;
    float *y = (float *)call->out[0]->data;
    if (tensor_count(call->out[0]) == 0) return OK;
    int n = map.c % 4 == 0 ? 4 : 1;
    struct map_grid grid = map_grid_of(map.c / n, map_windows(&map), INT32_MAX);
    if (n == 4)
        CUDA_LAUNCH(depthwise_forward_kernel<4>, grid.grid, grid.block, 0, cuda_stream(call), map,
                    y, x, w, b);
    else
        CUDA_LAUNCH(depthwise_forward_kernel<1>, grid.grid, grid.block, 0, cuda_stream(call), map,
                    y, x, w, b);
    return cuda_check(call, "depthwise_conv2d");
}

static void depthwise_input_gradient(const struct op_backward_call *backward,
                                     const struct map_geometry *map)
{
    const struct op_call *call = backward->forward;
    const float *dy = (const float *)call->out[0]->grad;
    const float *w = (const float *)call->in[DEPTHWISE_W]->data;
    float *dx = (float *)call->in[DEPTHWISE_X]->grad;
    bool adds = backward->beta[DEPTHWISE_X] != 0.0f;
    int n = map->c % 4 == 0 ? 4 : 1;
    struct map_grid grid = map_grid_of(map->c / n, map_pixels(map), INT32_MAX);
    if (n == 4)
        CUDA_LAUNCH(depthwise_dx_kernel<4>, grid.grid, grid.block, 0, cuda_stream(call), *map, dx,
                    dy, w, adds);
    else
        CUDA_LAUNCH(depthwise_dx_kernel<1>, grid.grid, grid.block, 0, cuda_stream(call), *map, dx,
                    dy, w, adds);
}

enum status cuda_depthwise_conv2d_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    struct map_geometry map = depthwise_map_of(call);
    if (tensor_count(call->out[0]) == 0) return cuda_zero_wanted(backward);
    if (backward->want[DEPTHWISE_X]) {
        depthwise_input_gradient(backward, &map);
        TRY(cuda_check(call, "depthwise_conv2d"));
    }
    if (!backward->want[DEPTHWISE_W] && !backward->want[DEPTHWISE_BIAS]) return OK;
    return depthwise_filter_gradient(backward, &map);
}
