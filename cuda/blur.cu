#include "cuda/kernels.h"
#include "cuda/map.h"

// The filter is separable, but its taps are few: an output takes them all at once. The gradient of
// an element comes from the places of the continued map that reflect onto it.

struct blur_map {
    struct map_geometry map; // its window: the strides
    int size;
    float weight[BLUR_MAX_SIZE];
};

static struct blur_map blur_map_of(const struct op_call *call)
{
    const struct blur_args *args = (const struct blur_args *)call->args;
    struct window window = window_square(args->size, 1, (args->size - 1) / 2);
    window.stride_h = args->stride_h;
    window.stride_w = args->stride_w;
    struct blur_map blur;
    blur.map = map_geometry_of(call, &window);
    blur.size = args->size;
    // The binomial coefficients of one row of Pascal's triangle, divided by their sum.
    float c = 1.0f, sum = (float)(1 << (args->size - 1));
    for (int i = 0; i < BLUR_MAX_SIZE; i++) {
        blur.weight[i] = i < args->size ? c / sum : 0.0f;
        c = c * (float)(args->size - 1 - i) / (float)(i + 1);
    }
    return blur;
}

// Reflection at the outermost elements, as often as it takes.
static __device__ inline int blur_reflect(int i, int n)
{
    int period = 2 * (n - 1);
    if (n == 1) return 0;
    i = i < 0 ? -i % period : i % period;
    return i < n ? i : period - i;
}

template <int N>
static __global__ void __launch_bounds__(MAP_BLOCK)
    blur_forward_kernel(const __grid_constant__ struct blur_map blur, float *y, const float *x)
{
    const struct map_geometry *map = &blur.map;
    int channel = MAP_VECTOR * N, pad = (blur.size - 1) / 2;
    if (channel >= map->c) return;
    for (unsigned i = MAP_FIRST; i < map_windows(map); i += MAP_STEP) {
        struct map_patch p = map_patch_of(map, i);
        const float *image = x + (size_t)(i / (unsigned)(map->oh * map->ow)) * map->h * p.row;
        float sum[N] = {0.0f};
        for (int r = 0; r < blur.size; r++) {
            int h = blur_reflect(p.oh * map->window.stride_h - pad + r, map->h);
            float line[N] = {0.0f};
            for (int q = 0; q < blur.size; q++) {
                int w = blur_reflect(p.ow * map->window.stride_w - pad + q, map->w);
                float a[N];
                vec_load<N>(a, image + (size_t)h * p.row + (size_t)w * map->c + channel);
#pragma unroll
                for (int k = 0; k < N; k++) line[k] = fmaf(blur.weight[q], a[k], line[k]);
            }
#pragma unroll
            for (int k = 0; k < N; k++) sum[k] = fmaf(blur.weight[r], line[k], sum[k]);
        }
        vec_store<N>(y + p.out + channel, sum);
    }
}

static __device__ inline int blur_modulo(int i, int n)
{
    i %= n;
    return i < 0 ? i + n : i;
}

// The first place of the continued map, from `from` on, that reflects onto element `at`.
static __device__ inline int blur_source(int at, int n, int from)
{
    int period = 2 * (n - 1);
    if (n == 1) return from;
    int plain = blur_modulo(at - from, period), mirrored = blur_modulo(-at - from, period);
    return from + (plain < mirrored ? plain : mirrored);
}

// The gradient of element (h, w).
template <int N>
static __device__ void blur_gather(const struct blur_map *blur, const float *dy, unsigned image,
                                   int h, int w, int channel, float *sum)
{
    const struct map_geometry *map = &blur->map;
    int pad = (blur->size - 1) / 2, sh = map->window.stride_h, sw = map->window.stride_w;
    int h_last = (map->oh - 1) * sh - pad + blur->size - 1;
    int w_last = (map->ow - 1) * sw - pad + blur->size - 1;
    for (int v = blur_source(h, map->h, -pad); v <= h_last; v = blur_source(h, map->h, v + 1))
        for (int u = blur_source(w, map->w, -pad); u <= w_last;
             u = blur_source(w, map->w, u + 1)) {
            int oh, ow, oh_end, ow_end;
            window_cover(v, map->oh, blur->size, sh, pad, &oh, &oh_end);
            window_cover(u, map->ow, blur->size, sw, pad, &ow, &ow_end);
            for (int i = oh; i < oh_end; i++)
                for (int j = ow; j < ow_end; j++) {
                    float g[N];
                    float weight = blur->weight[v + pad - i * sh] * blur->weight[u + pad - j * sw];
                    size_t out = ((size_t)image * map->oh + i) * map->ow + j;
                    vec_load<N>(g, dy + out * map->c + channel);
#pragma unroll
                    for (int k = 0; k < N; k++) sum[k] = fmaf(weight, g[k], sum[k]);
                }
        }
}

template <int N>
static __global__ void __launch_bounds__(MAP_BLOCK)
    blur_backward_kernel(const __grid_constant__ struct blur_map blur, float *dx, const float *dy,
                         bool adds)
{
    const struct map_geometry *map = &blur.map;
    int channel = MAP_VECTOR * N;
    if (channel >= map->c) return;
    for (unsigned i = MAP_FIRST; i < map_pixels(map); i += MAP_STEP) {
        unsigned row = i / (unsigned)map->w;
        float sum[N] = {0.0f};
        blur_gather<N>(&blur, dy, row / (unsigned)map->h, (int)(row % (unsigned)map->h),
                       (int)(i % (unsigned)map->w), channel, sum);
        vec_accumulate<N>(dx + (size_t)i * map->c + channel, sum, adds);
    }
}

enum status cuda_blur_forward(const struct op_call *call)
{
    struct blur_map blur = blur_map_of(call);
    const float *x = (const float *)call->in[0]->data;
    float *y = (float *)call->out[0]->data;
    if (tensor_count(call->out[0]) == 0) return OK;
    int n = blur.map.c % 4 == 0 ? 4 : 1;
    struct map_grid grid = map_grid_of(blur.map.c / n, map_windows(&blur.map), INT32_MAX);
    if (n == 4)
        CUDA_LAUNCH(blur_forward_kernel<4>, grid.grid, grid.block, 0, cuda_stream(call), blur, y,
                    x);
    else
        CUDA_LAUNCH(blur_forward_kernel<1>, grid.grid, grid.block, 0, cuda_stream(call), blur, y,
                    x);
    return cuda_check(call, "blur");
}

enum status cuda_blur_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    struct blur_map blur = blur_map_of(call);
    const float *dy = (const float *)call->out[0]->grad;
    float *dx = (float *)call->in[0]->grad;
    bool adds = backward->beta[0] != 0.0f;
    if (!backward->want[0] || tensor_count(call->in[0]) == 0) return OK;
    int n = blur.map.c % 4 == 0 ? 4 : 1;
    struct map_grid grid = map_grid_of(blur.map.c / n, map_pixels(&blur.map), INT32_MAX);
    if (n == 4)
        CUDA_LAUNCH(blur_backward_kernel<4>, grid.grid, grid.block, 0, cuda_stream(call), blur, dx,
                    dy, adds);
    else
        CUDA_LAUNCH(blur_backward_kernel<1>, grid.grid, grid.block, 0, cuda_stream(call), blur, dx,
                    dy, adds);
    return cuda_check(call, "blur");
}
