// Loops over the windows of a pooling layer, for the kernels in backbone/pool/*_hot.c.
// Tasks are rows: of the output in forward, bands of the input in backward, where every input
// element belongs to one task and takes its contributions in the order of the windows. So no
// atomics are needed, and results do not depend on the number of threads.
#ifndef TARN_CPU_POOL_LOOP_H
#define TARN_CPU_POOL_LOOP_H

#include <stddef.h>
#include <stdint.h>

#include "cpu/stream.h"
#include "nn/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define POOL_LOOP_INLINE static inline __attribute__((always_inline))
#else
#define POOL_LOOP_INLINE static inline
#endif

// The maps of one call: x (n,h,w,c), y (n,oh,ow,c).
struct pool_map {
    int64_t n;
    int h, w, c, oh, ow;
    struct window window;
    const void *args;           // the pool's own parameters
    bool y_streams, dx_streams; // too large for the caches, and fit for cpu/stream.h
};

struct pool_map pool_map_of(const struct op_call *call);

// One row of windows of one image.
typedef void (*pool_row_forward)(const struct op_call *call, const struct pool_map *map,
                                 int64_t image, int out_row);

// Rows [begin, end) of one image's input gradient. scratch: this thread's own floats.
typedef void (*pool_band_backward)(const struct op_backward_call *backward,
                                   const struct pool_map *map, int64_t image, int begin, int end,
                                   float *scratch);

enum status pool_run_forward(const struct op_call *call, pool_row_forward row) MUST_USE;
enum status pool_run_backward(const struct op_backward_call *backward, pool_band_backward band,
                              size_t scratch_floats) MUST_USE;

// Zeroes those elements of rows [begin, end) of dx that no window contains.
void pool_zero_uncovered(const struct pool_map *map, int64_t image, int begin, int end, float *dx);

// One window's elements: x[r * row + q * c + channel] for r < rows, q < cols.
struct pool_patch {
    size_t first; // offset of element (0, 0), channel 0 in x
    size_t row;   // from one row to the next
    size_t out;   // offset of the window in y
    int rows, cols;
    int top, left; // where element (0, 0) stands in the kernel
    int c;
};

POOL_LOOP_INLINE struct pool_patch pool_patch_at(const struct pool_map *map, int64_t image, int oh,
                                                 int ow)
{
    const struct window *w = &map->window;
    int top, bottom, left, right;
    window_range(oh, map->h, w->kernel_h, w->stride_h, w->pad_begin_h, &top, &bottom);
    window_range(ow, map->w, w->kernel_w, w->stride_w, w->pad_begin_w, &left, &right);
    struct pool_patch patch;
    size_t c = (size_t)map->c, width = (size_t)map->w;
    patch.first = (((size_t)image * (size_t)map->h + (size_t)top) * width + (size_t)left) * c;
    patch.row = width * c;
    patch.out = (((size_t)image * (size_t)map->oh + (size_t)oh) * (size_t)map->ow + (size_t)ow) * c;
    patch.rows = bottom - top;
    patch.cols = right - left;
    patch.top = top - (oh * w->stride_h - w->pad_begin_h);
    patch.left = left - (ow * w->stride_w - w->pad_begin_w);
    patch.c = map->c;
    return patch;
}

// Results that stream are computed in a small buffer, which stays in the first-level cache.
enum { POOL_MAX_STREAM_CHANNELS = 256 };

struct pool_stream_buffer {
    float values[POOL_MAX_STREAM_CHANNELS];
    uint8_t bytes[POOL_MAX_STREAM_CHANNELS];
};

// Channels of a large window are taken in blocks, whose running values stay in the cache.
enum { POOL_CHANNEL_BLOCK = 128 };

// One input element and the windows that contain it: oh, oh + 1, ... (n_oh of them), likewise ow.
struct pool_pixel {
    size_t in;  // offset in x, channel 0
    size_t out; // offset of window (oh, ow) in y
    int oh, ow, n_oh, n_ow;
    int row, col; // its place in window (oh, ow); in the next one it is smaller by the stride
};

// n_oh and n_ow are those of the pixel, constant in the usual cases: loops over them unroll.
typedef void (*pool_pixel_gather)(const void *context, const struct pool_map *map,
                                  const struct pool_pixel *pixel, int n_oh, int n_ow);

// Calls `gather` for every element of rows [begin, end), also for those that no window contains.
POOL_LOOP_INLINE void pool_gather_band(const struct pool_map *map, int64_t image, int begin,
                                       int end, pool_pixel_gather gather, const void *context)
{
    const struct window *win = &map->window;
    struct pool_pixel p;
    for (int h = begin; h < end; h++) {
        int oh_end;
        window_cover(h, map->oh, win->kernel_h, win->stride_h, win->pad_begin_h, &p.oh, &oh_end);
        p.n_oh = oh_end > p.oh ? oh_end - p.oh : 0;
        p.row = h + win->pad_begin_h - p.oh * win->stride_h;
        // Along the row both ends of the range only grow: no divisions.
        int ow_end = 0;
        p.ow = 0;
        for (int w = 0; w < map->w; w++) {
            int at = w + win->pad_begin_w;
            while (ow_end < map->ow && ow_end * win->stride_w <= at) ow_end++;
            while (p.ow < ow_end && p.ow * win->stride_w + win->kernel_w <= at) p.ow++;
            p.n_ow = ow_end - p.ow;
            p.col = at - p.ow * win->stride_w;
            size_t c = (size_t)map->c;
            p.in = (((size_t)image * (size_t)map->h + (size_t)h) * (size_t)map->w + (size_t)w) * c;
            p.out = (((size_t)image * (size_t)map->oh + (size_t)p.oh) * (size_t)map->ow +
                     (size_t)p.ow) *
                    c;
            if (p.n_oh == 1 && p.n_ow == 1)
                gather(context, map, &p, 1, 1);
            else if (p.n_oh == 1 && p.n_ow == 2)
                gather(context, map, &p, 1, 2);
            else if (p.n_oh == 2 && p.n_ow == 1)
                gather(context, map, &p, 2, 1);
            else if (p.n_oh == 2 && p.n_ow == 2)
                gather(context, map, &p, 2, 2);
            else
                gather(context, map, &p, p.n_oh, p.n_ow);
        }
    }
}

#ifdef __cplusplus
}
#endif
#endif
