// Backward kernel for windows that overlap: a block owns a tile of the input and adds up its
// windows in shared memory, in rounds of windows that do not touch each other. Windows across the
// border of tiles are computed in each.
#ifndef TARN_CUDA_POOL_OVERLAP_DX_H
#define TARN_CUDA_POOL_OVERLAP_DX_H

#include "cuda/pool/window_dx.h"

// A tile: rows and columns of the input; a block has this many channels of it.
enum { POOL_TILE = 16, POOL_TILE_CHANNELS = 32 };

struct pool_tile {
    unsigned image;
    int h, w;                           // first row and column
    int oh, ow, oh_end, ow_end;         // the windows that reach into it
};

static __device__ inline struct pool_tile pool_tile_of(const struct pool_map *map, unsigned i)
{
    const struct window *win = &map->window;
    unsigned n_w = (unsigned)(map->w + POOL_TILE - 1) / POOL_TILE;
    unsigned n_h = (unsigned)(map->h + POOL_TILE - 1) / POOL_TILE;
    struct pool_tile t;
    int unused;
    t.w = (int)(i % n_w) * POOL_TILE;
    t.h = (int)(i / n_w % n_h) * POOL_TILE;
    t.image = i / n_w / n_h;
    int h_last = t.h + POOL_TILE < map->h ? t.h + POOL_TILE - 1 : map->h - 1;
    int w_last = t.w + POOL_TILE < map->w ? t.w + POOL_TILE - 1 : map->w - 1;
    window_cover(t.h, map->oh, win->kernel_h, win->stride_h, win->pad_begin_h, &t.oh, &unused);
    window_cover(h_last, map->oh, win->kernel_h, win->stride_h, win->pad_begin_h, &unused,
                 &t.oh_end);
    window_cover(t.w, map->ow, win->kernel_w, win->stride_w, win->pad_begin_w, &t.ow, &unused);
    window_cover(w_last, map->ow, win->kernel_w, win->stride_w, win->pad_begin_w, &unused,
                 &t.ow_end);
    return t;
}

// Adds a window's gradients, lanes of da, to the tile: (TILE * TILE, CHANNELS) floats.
template <int N>
static __device__ __forceinline__ void pool_tile_add(float *tile, const struct pool_tile *t,
                                                     int row, int col, const float *da)
{
    row -= t->h;
    col -= t->w;
    if (row < 0 || row >= POOL_TILE || col < 0 || col >= POOL_TILE) return;
    vec_accumulate<N>(tile + (row * POOL_TILE + col) * POOL_TILE_CHANNELS, da, true);
}

// The window (oh, ow): its gradients into the tile at this thread's channels, and into dv where its
// first element is in the tile.
template <typename T, int SIDE, int N, int SLOTS, pool_dx DX>
static __device__ __forceinline__ void pool_tile_window(const struct pool_map *map,
                                                        const struct pool_tile *t, int oh, int ow,
                                                        int channel, const T *x,
                                                        const struct pool_gradients *grads,
                                                        float *tile, float dv[N][SLOTS])
{
    const struct window *win = &map->window;
    struct map_patch p = map_patch_at(map, t->image, oh, ow);
    int h = oh * win->stride_h - win->pad_begin_h + p.top;
    int w = ow * win->stride_w - win->pad_begin_w + p.left;
    bool counts = h >= t->h && h < t->h + POOL_TILE && w >= t->w && w < t->w + POOL_TILE;
    if (p.rows != SIDE || p.cols != SIDE) {
#pragma unroll 1
        for (int k = 0; k < N; k++) {
            float da[SIDE * SIDE], own_dv[SLOTS];
            pool_cut_dx<T, SIDE, SLOTS, DX>(map, &p, channel + k, x, grads, da, own_dv);
            for (int e = 0; e < p.rows * p.cols; e++)
                pool_tile_add<1>(tile + k, t, h + e / p.cols, w + e % p.cols, &da[e]);
            if (counts) pool_add_dv<N, SLOTS>(dv, k, own_dv);
        }
        return;
    }
    float a[SIDE * SIDE][N], g[N], da[SIDE * SIDE][N];
    pool_load_whole<T, SIDE, N>(a, x, map, &p, channel);
    pool_load_dy<N>(g, grads, p.out + channel);
#pragma unroll
    for (int k = 0; k < N; k++) {
        float own_dv[SLOTS];
#pragma unroll
        for (int j = 0; j < SLOTS; j++) own_dv[j] = 0.0f;
        pool_whole_dx<SIDE, N, SLOTS, DX>(map, &p, channel, k, a, g[k], da, own_dv);
#pragma unroll
        for (int j = 0; j < SLOTS; j++) dv[k][j] += counts ? own_dv[j] : 0.0f;
    }
#pragma unroll
    for (int e = 0; e < SIDE * SIDE; e++)
        pool_tile_add<N>(tile, t, h + e / SIDE, w + e % SIDE, da[e]);
}

template <typename T, int SIDE, int N, int SLOTS, pool_dx DX>
static __global__ void __launch_bounds__(POOL_BLOCK, 2)
    pool_overlap_kernel(const struct pool_map map, const struct pool_gradients grads, const T *x,
                        float *partial)
{
    __shared__ uint4 memory[POOL_TILE * POOL_TILE * POOL_TILE_CHANNELS / 4]; // 16-byte aligned
    float *tile = (float *)memory;
    enum { HELD = POOL_SLOTS(SLOTS), X = POOL_TILE_CHANNELS / N, Y = POOL_BLOCK / X };
    const struct window *win = &map.window;
    int tx = (int)threadIdx.x % X, ty = (int)threadIdx.x / X;
    int channel = (int)blockIdx.y * POOL_TILE_CHANNELS + tx * N;
    int colours_h = (win->kernel_h + win->stride_h - 1) / win->stride_h;
    int colours_w = (win->kernel_w + win->stride_w - 1) / win->stride_w;
    unsigned n_tiles = (unsigned)map.n * (unsigned)((map.h + POOL_TILE - 1) / POOL_TILE) *
                       (unsigned)((map.w + POOL_TILE - 1) / POOL_TILE);
    bool is_inside = channel < map.c;
    float dv[N][HELD];
#pragma unroll
    for (int k = 0; k < N * HELD; k++) dv[k / HELD][k % HELD] = 0.0f;
    for (unsigned i = blockIdx.x; i < n_tiles; i += gridDim.x) {
        struct pool_tile t = pool_tile_of(&map, i);
        for (int k = (int)threadIdx.x; k < POOL_TILE * POOL_TILE * POOL_TILE_CHANNELS;
             k += POOL_BLOCK)
            tile[k] = 0.0f;
        for (int colour = 0; colour < colours_h * colours_w; colour++) {
            __syncthreads();
            int oh = t.oh + colour / colours_w, ow = t.ow + colour % colours_w;
            int rows = (t.oh_end - oh + colours_h - 1) / colours_h;
            int cols = (t.ow_end - ow + colours_w - 1) / colours_w;
            if (!is_inside || rows < 1 || cols < 1) continue;
            for (int k = ty; k < rows * cols; k += Y)
                pool_tile_window<T, SIDE, N, HELD, DX>(
                    &map, &t, oh + k / cols * colours_h, ow + k % cols * colours_w, channel, x,
                    &grads, tile + tx * N, dv);
        }
        __syncthreads();
        for (int k = ty; k < POOL_TILE * POOL_TILE && is_inside && grads.dx; k += Y) {
            int h = t.h + k / POOL_TILE, w = t.w + k % POOL_TILE;
            if (h >= map.h || w >= map.w) continue;
            size_t at = (((size_t)t.image * map.h + h) * map.w + w) * map.c + channel;
            float sum[N];
            vec_load<N>(sum, tile + k * POOL_TILE_CHANNELS + tx * N);
            pool_add_dx<N>(&grads, at, sum, grads.adds);
        }
        __syncthreads();
    }
    if (SLOTS > 0 && partial)
        pool_learned_block_sum<N, HELD>(partial, dv, tx, X, ty, Y, channel, map.c, tile);
}

#endif
