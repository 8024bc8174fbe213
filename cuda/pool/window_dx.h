// Gradients of one window in registers (backbone/pool/view.h), and the kernel for windows that lie
// side by side, the stride being the kernel: a thread writes those of its window.
#ifndef TARN_CUDA_POOL_WINDOW_DX_H
#define TARN_CUDA_POOL_WINDOW_DX_H

#include "cuda/pool/values.h"

typedef void (*pool_dx)(const struct pool_view *v, lanes g, lanes *da, lanes *dv);

// SLOTS gradients of values; without any an unused one, so that arrays have a length.
#define POOL_SLOTS(slots) ((slots) > 0 ? (slots) : 1)

// One channel of a whole window: a (SIDE * SIDE, N), lane k.
template <int SIDE, int N, int SLOTS, pool_dx DX>
static __device__ __forceinline__ void pool_whole_dx(const struct pool_map *map,
                                                     const struct map_patch *p, int channel,
                                                     int lane, const float (*a)[N], float g,
                                                     float (*da)[N], float *dv)
{
    struct pool_view v = pool_whole_view<SIDE>(map, p, channel + lane);
    float own[SIDE * SIDE], own_da[SIDE * SIDE], work[2 * SIDE * SIDE];
#pragma unroll
    for (int i = 0; i < SIDE * SIDE; i++) own[i] = a[i][lane];
    v.a = own;
    v.work = work;
    DX(&v, g, own_da, dv);
#pragma unroll
    for (int i = 0; i < SIDE * SIDE; i++) da[i][lane] = own_da[i];
}

// One channel of a window that the border cuts; dv is written. Few windows are: their arrays lie in
// local memory.
template <typename T, int SIDE, int SLOTS, pool_dx DX>
static __device__ void pool_cut_dx(const struct pool_map *map, const struct map_patch *p,
                                   int channel, const T *x, const struct pool_gradients *grads,
                                   float *da, float *dv)
{
    float a[SIDE * SIDE], work[2 * SIDE * SIDE];
    struct pool_view v = pool_view_of(map, p, channel);
    pool_load_any(a, x, sizeof(T) == 2, map, p, channel);
    v.a = a;
    v.work = work;
    for (int k = 0; k < SLOTS; k++) dv[k] = 0.0f;
    DX(&v, pool_load(grads->dy, v.out, grads->is_bf16), da, dv);
}

// dv[lane] += own_dv, without an index that the compiler does not know.
template <int N, int SLOTS>
static __device__ __forceinline__ void pool_add_dv(float (*dv)[SLOTS], int lane,
                                                   const float *own_dv)
{
#pragma unroll
    for (int k = 0; k < N * SLOTS; k++)
        if (k / SLOTS == lane) dv[k / SLOTS][k % SLOTS] += own_dv[k % SLOTS];
}

// Zeroes what no window reaches, behind the last ones.
template <int N>
static __device__ void pool_zero_behind(const struct pool_map *map,
                                        const struct pool_gradients *grads, int channel)
{
    const struct window *w = &map->window;
    int h_end = map->oh * w->stride_h - w->pad_begin_h;
    int w_end = map->ow * w->stride_w - w->pad_begin_w;
    if ((h_end >= map->h && w_end >= map->w) || grads->adds) return;
    const float zero[N] = {0.0f};
    for (unsigned i = MAP_FIRST; i < map_pixels(map); i += MAP_STEP) {
        int col = (int)(i % (unsigned)map->w), row = (int)(i / (unsigned)map->w % (unsigned)map->h);
        if (row >= h_end || col >= w_end)
            pool_add_dx<N>(grads, (size_t)i * map->c + channel, zero, false);
    }
}

template <typename T, int SIDE, int N, int SLOTS, pool_dx DX>
static __global__ void __launch_bounds__(POOL_BLOCK)
    pool_apart_kernel(const struct pool_map map, const struct pool_gradients grads, const T *x,
                      float *partial)
{
    __shared__ float memory[SLOTS > 0 ? POOL_BLOCK : 1];
    enum { HELD = POOL_SLOTS(SLOTS) };
    int channel = MAP_VECTOR * N;
    float dv[N][HELD];
#pragma unroll
    for (int k = 0; k < N * HELD; k++) dv[k / HELD][k % HELD] = 0.0f;
    for (unsigned i = MAP_FIRST; i < map_windows(&map) && channel < map.c; i += MAP_STEP) {
        struct map_patch p = map_patch_of(&map, i);
        if (p.rows != SIDE || p.cols != SIDE) {
#pragma unroll 1
            for (int k = 0; k < N; k++) {
                float da[SIDE * SIDE], own_dv[HELD];
                pool_cut_dx<T, SIDE, HELD, DX>(&map, &p, channel + k, x, &grads, da, own_dv);
                pool_add_dv<N, HELD>(dv, k, own_dv);
                if (!grads.dx) continue;
                for (int e = 0; e < p.rows * p.cols; e++)
                    pool_add_dx<1>(&grads,
                                   p.first + (size_t)(e / p.cols) * p.row +
                                       (size_t)(e % p.cols) * map.c + channel + k,
                                   &da[e], grads.adds);
            }
            continue;
        }
        float a[SIDE * SIDE][N], g[N], da[SIDE * SIDE][N];
        pool_load_whole<T, SIDE, N>(a, x, &map, &p, channel);
        pool_load_dy<N>(g, &grads, p.out + channel);
#pragma unroll
        for (int k = 0; k < N; k++)
            pool_whole_dx<SIDE, N, HELD, DX>(&map, &p, channel, k, a, g[k], da, dv[k]);
        if (!grads.dx) continue;
#pragma unroll
        for (int e = 0; e < SIDE * SIDE; e++)
            pool_add_dx<N>(&grads,
                           p.first + (size_t)(e / SIDE) * p.row + (size_t)(e % SIDE) * map.c +
                               channel,
                           da[e], grads.adds);
    }
    if (grads.dx && channel < map.c) pool_zero_behind<N>(&map, &grads, channel);
    if (SLOTS > 0 && partial)
        pool_learned_block_sum<N, HELD>(partial, dv, (int)threadIdx.x, (int)blockDim.x,
                                       (int)threadIdx.y, (int)blockDim.y, channel, map.c, memory);
}

#endif
