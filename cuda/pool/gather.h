// The backward pass of pools whose gradient does not look at x: every input element gathers from
// the windows that contain it, in their order, and is written once. A window's gradient goes to its
// place (max), or in equal shares to all of its elements (avg).
#ifndef TARN_CUDA_POOL_GATHER_H
#define TARN_CUDA_POOL_GATHER_H

#include "backbone/pool/avg.h"
#include "cuda/pool/map.h"

template <typename G, typename P> struct pool_gather {
    G *dx;
    const G *dy;
    const P *places; // of y's shape; NULL: equal shares
    bool adds;
};

template <typename G, typename P>
static struct pool_gather<G, P> pool_gather_of(const struct op_backward_call *backward,
                                               const P *places)
{
    const struct op_call *call = backward->forward;
    return {(G *)call->in[0]->grad, (const G *)call->out[0]->grad, places,
            backward->beta[0] != 0.0f};
}

// Adds one window's part of an element's gradient. A sum that began with 0 is never -0: adding the
// 0 of another place would leave its bits.
template <int N, bool HAS_PLACES, typename G, typename P>
static __device__ __forceinline__ void pool_gather_add(float *sum, const G *g, const P *at,
                                                       int place, float share)
{
#pragma unroll
    for (int k = 0; k < N; k++) {
        if (!HAS_PLACES)
            sum[k] += share * to_float(g[k]);
        else if ((int)at[k] == place)
            sum[k] += to_float(g[k]);
    }
}

// Any window: a thread takes an element. Loads of neighbouring windows are under way before the
// first is used.
template <typename G, typename P, int N, bool HAS_PLACES>
static __global__ void __launch_bounds__(POOL_BLOCK)
    pool_gather_kernel(const struct pool_map map, const struct pool_gather<G, P> io)
{
    enum { AT_ONCE = 4 };
    const struct window *win = &map.window;
    int channel = MAP_VECTOR * N;
    if (channel >= map.c) return;
    for (unsigned i = MAP_FIRST; i < map_pixels(&map); i += MAP_STEP) {
        struct map_pixel p = map_pixel_of(&map, i);
        float sum[N];
#pragma unroll
        for (int k = 0; k < N; k++) sum[k] = 0.0f;
        for (int r = 0; r < p.n_oh; r++)
            for (int q = 0; q < p.n_ow; q += AT_ONCE) {
                alignas(16) G g[AT_ONCE][N];
                alignas(16) P at[AT_ONCE][N];
                size_t out = map_out_at(&map, &p, r, q) + channel;
#pragma unroll
                for (int j = 0; j < AT_ONCE; j++, out += map.c) {
                    if (q + j >= p.n_ow) continue;
                    vec_copy<N>(g[j], io.dy + out);
                    if (HAS_PLACES) vec_copy<N>(at[j], io.places + out);
                }
#pragma unroll
                for (int j = 0; j < AT_ONCE; j++) {
                    if (q + j >= p.n_ow) continue;
                    int oh = p.oh + r, ow = p.ow + q + j;
                    int row = p.h + win->pad_begin_h - oh * win->stride_h;
                    int col = p.w + win->pad_begin_w - ow * win->stride_w;
                    float share = HAS_PLACES ? 0.0f : 1.0f / (float)avg_divisor(&map, oh, ow);
                    pool_gather_add<N, HAS_PLACES>(sum, g[j], at[j], row * win->kernel_w + col,
                                                   share);
                }
            }
        vec_accumulate<N>(io.dx + (size_t)i * map.c + channel, sum, io.adds);
    }
}

// Windows of SIDE x SIDE with stride 2, SIDE being 2 or 3. A thread takes a cell: two by two
// elements that stand, padding counted, in rows 2r and 2r + 1 and columns 2q and 2q + 1. The
// windows that contain them are W x W, those up to (r, q). Nothing is converted, and no quotient
// taken, before all loads are under way.
template <typename G, int SIDE, int N, bool HAS_PLACES>
static __global__ void __launch_bounds__(POOL_BLOCK)
    pool_cell_kernel(const struct pool_map map, const struct pool_gather<G, uint8_t> io,
                     unsigned n_rows, unsigned n_cols)
{
    enum { W = SIDE - 1, N_WINDOWS = W * W };
    const struct window *win = &map.window;
    unsigned i = MAP_FIRST, line = i / n_cols, image = line / n_rows;
    int channel = MAP_VECTOR * N;
    if (channel >= map.c || image >= (unsigned)map.n) return;
    // The first cells of a padding of 2 would hold nothing.
    int r = (int)(line % n_rows) + win->pad_begin_h / 2;
    int q = (int)(i % n_cols) + win->pad_begin_w / 2;
    alignas(16) G g[N_WINDOWS][N];
    alignas(16) uint8_t at[N_WINDOWS][N];
    bool exists[N_WINDOWS];
    float share[N_WINDOWS];
    int first_oh = r - W + 1, first_ow = q - W + 1;
#pragma unroll
    for (int j = 0; j < N_WINDOWS; j++) {
        int oh = first_oh + j / W, ow = first_ow + j % W;
        exists[j] = oh >= 0 && oh < map.oh && ow >= 0 && ow < map.ow;
        if (!exists[j]) continue;
        unsigned window = (image * (unsigned)map.oh + (unsigned)oh) * (unsigned)map.ow;
        size_t out = (size_t)(window + (unsigned)ow) * (unsigned)map.c + (unsigned)channel;
        vec_copy<N>(g[j], io.dy + out);
        if (HAS_PLACES) vec_copy<N>(at[j], io.places + out);
    }
#pragma unroll
    for (int j = 0; j < N_WINDOWS; j++) {
        int oh = first_oh + j / W, ow = first_ow + j % W;
        share[j] = HAS_PLACES ? 0.0f : 1.0f / (float)avg_divisor(&map, oh, ow);
    }
#pragma unroll
    for (int e = 0; e < 4; e++) {
        int h = 2 * r + e / 2 - win->pad_begin_h, w = 2 * q + e % 2 - win->pad_begin_w;
        if (h < 0 || h >= map.h || w < 0 || w >= map.w) continue;
        float sum[N];
#pragma unroll
        for (int k = 0; k < N; k++) sum[k] = 0.0f;
#pragma unroll
        for (int j = 0; j < N_WINDOWS; j++) {
            int row = e / 2 + 2 * (W - 1 - j / W), col = e % 2 + 2 * (W - 1 - j % W);
            if (row < SIDE && col < SIDE && exists[j])
                pool_gather_add<N, HAS_PLACES>(sum, g[j], at[j], row * SIDE + col, share[j]);
        }
        unsigned pixel = (image * (unsigned)map.h + (unsigned)h) * (unsigned)map.w + (unsigned)w;
        vec_accumulate<N>(io.dx + (size_t)pixel * (unsigned)map.c + (unsigned)channel, sum,
                          io.adds);
    }
}

template <typename G, typename P, int N, bool HAS_PLACES>
static void pool_gather_any(const struct op_backward_call *backward, const struct pool_map *map,
                            const P *places)
{
    struct map_grid grid = map_grid_of(map->c / N, map_pixels(map), INT32_MAX);
    CUDA_LAUNCH((pool_gather_kernel<G, P, N, HAS_PLACES>), grid.grid, grid.block, 0,
                cuda_stream(backward->forward), *map, (pool_gather_of<G, P>(backward, places)));
}

template <typename G, int SIDE, int N, bool HAS_PLACES>
static void pool_gather_cells(const struct op_backward_call *backward, const struct pool_map *map,
                              const uint8_t *places)
{
    unsigned n_rows = (unsigned)((map->h + map->window.pad_begin_h % 2 + 1) / 2);
    unsigned n_cols = (unsigned)((map->w + map->window.pad_begin_w % 2 + 1) / 2);
    unsigned n = (unsigned)map->n * n_rows * n_cols;
    struct map_grid grid = map_grid_of(map->c / N, n, INT32_MAX);
    CUDA_LAUNCH((pool_cell_kernel<G, SIDE, N, HAS_PLACES>), grid.grid, grid.block, 0,
                cuda_stream(backward->forward), *map,
                (pool_gather_of<G, uint8_t>(backward, places)), n_rows, n_cols);
}

// places: of max pooling; avg: without.
template <bool HAS_PLACES>
static void pool_gather_backward(const struct op_backward_call *backward,
                                 const struct pool_map *map, const uint8_t *places)
{
    const struct window *w = &map->window;
    bool has_cells = w->stride_h == 2 && w->stride_w == 2 && w->kernel_h == w->kernel_w;
    VEC_DTYPE(backward->forward->in[0]->grad_dtype, G, {
        VEC_WIDTH(map->c, vec_width<G>::value, N, {
            if (has_cells && w->kernel_h == 2)
                pool_gather_cells<G, 2, N, HAS_PLACES>(backward, map, places);
            else if (has_cells && w->kernel_h == 3)
                pool_gather_cells<G, 3, N, HAS_PLACES>(backward, map, places);
            else
                pool_gather_any<G, uint8_t, N, HAS_PLACES>(backward, map, places);
        });
    });
}

#endif
