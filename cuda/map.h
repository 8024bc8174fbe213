// Maps under windows, for kernels: windows and input elements by their running number. M is a
// struct with the members of struct map_geometry.
#ifndef TARN_CUDA_MAP_H
#define TARN_CUDA_MAP_H

#include "cuda/vec.h"
#include "nn/backend.h"
#include "nn/window.h"

enum { MAP_BLOCK = 256 };

struct map_geometry {
    int n, h, w, c, oh, ow; // x (n,h,w,c), y (n,oh,ow,c)
    struct window window;
};

static inline struct map_geometry map_geometry_of(const struct op_call *call,
                                                  const struct window *window)
{
    const int64_t *x = call->in[0]->shape, *y = call->out[0]->shape;
    struct map_geometry map = {(int)x[0], (int)x[1], (int)x[2], (int)x[3], (int)y[1], (int)y[2],
                               *window};
    return map;
}

template <typename M> static __host__ __device__ inline unsigned map_windows(const M *map)
{
    return (unsigned)map->n * (unsigned)map->oh * (unsigned)map->ow;
}

template <typename M> static __host__ __device__ inline unsigned map_pixels(const M *map)
{
    return (unsigned)map->n * (unsigned)map->h * (unsigned)map->w;
}

// One window's elements: x[first + r * row + q * c + channel] for r < rows, q < cols.
struct map_patch {
    size_t first, row, out; // out: the window's offset in y
    int oh, ow, rows, cols;
    int top, left; // where element (0, 0) stands in the kernel
};

template <typename M>
static __device__ inline struct map_patch map_patch_at(const M *map, unsigned image, int oh, int ow)
{
    const struct window *w = &map->window;
    struct map_patch p;
    int h = oh * w->stride_h - w->pad_begin_h, v = ow * w->stride_w - w->pad_begin_w;
    p.oh = oh;
    p.ow = ow;
    p.top = h < 0 ? -h : 0;
    p.left = v < 0 ? -v : 0;
    p.rows = (h + w->kernel_h < map->h ? h + w->kernel_h : map->h) - (h + p.top);
    p.cols = (v + w->kernel_w < map->w ? v + w->kernel_w : map->w) - (v + p.left);
    size_t c = (size_t)map->c;
    p.row = (size_t)map->w * c;
    p.first = ((size_t)image * (size_t)map->h + (size_t)(h + p.top)) * p.row +
              (size_t)(v + p.left) * c;
    p.out = (((size_t)image * (size_t)map->oh + (size_t)oh) * (size_t)map->ow + (size_t)ow) * c;
    return p;
}

template <typename M>
static __device__ inline struct map_patch map_patch_of(const M *map, unsigned i)
{
    unsigned ow = (unsigned)map->ow, oh = (unsigned)map->oh, row = i / ow;
    return map_patch_at(map, row / oh, (int)(row % oh), (int)(i % ow));
}

// One input element and the windows that contain it: oh, oh + 1, ... (n_oh of them), likewise ow.
struct map_pixel {
    unsigned image;
    int h, w, oh, ow, n_oh, n_ow;
};

template <typename M>
static __device__ inline struct map_pixel map_pixel_of(const M *map, unsigned i)
{
    const struct window *win = &map->window;
    struct map_pixel p;
    unsigned row = i / (unsigned)map->w;
    p.w = (int)(i % (unsigned)map->w);
    p.h = (int)(row % (unsigned)map->h);
    p.image = row / (unsigned)map->h;
    window_cover(p.h, map->oh, win->kernel_h, win->stride_h, win->pad_begin_h, &p.oh, &p.n_oh);
    window_cover(p.w, map->ow, win->kernel_w, win->stride_w, win->pad_begin_w, &p.ow, &p.n_ow);
    p.n_oh = p.n_oh > p.oh ? p.n_oh - p.oh : 0;
    p.n_ow = p.n_ow > p.ow ? p.n_ow - p.ow : 0;
    return p;
}

// The offset of the window (i, j) of a pixel's in y, channel 0.
template <typename M>
static __device__ inline size_t map_out_at(const M *map, const struct map_pixel *p, int i, int j)
{
    size_t row = (size_t)p->image * map->oh + p->oh + i;
    return (row * map->ow + p->ow + j) * map->c;
}

// Blocks of threads over (vectors of channels, windows or pixels): x and y of threadIdx, y and x of
// blockIdx. A thread keeps its channels.
struct map_grid {
    dim3 grid, block;
};

static inline struct map_grid map_grid_of(int n_vectors, unsigned n_items, unsigned max_rows)
{
    enum { MOST = 128 };
    unsigned vectors = (unsigned)n_vectors, parts = (vectors + MOST - 1) / MOST;
    unsigned x = (vectors + parts - 1) / parts, y = MAP_BLOCK / x;
    unsigned rows = (n_items + y - 1) / y;
    struct map_grid grid = {dim3(rows < max_rows ? rows : max_rows, parts), dim3(x, y)};
    return grid;
}

// This thread's vector of channels, and its first item and step.
#define MAP_VECTOR ((int)(blockIdx.y * blockDim.x + threadIdx.x))
#define MAP_FIRST  (blockIdx.x * blockDim.y + threadIdx.y)
#define MAP_STEP   (gridDim.x * blockDim.y)

#endif
