// Loops over the windows of a pooling layer, for the kernels in backbone/pool/*_hot.c.
// Tasks are rows: of the output in forward, bands of the input in backward, where every input
// element belongs to one task and takes its contributions in the order of the windows. So no
// atomics are needed, and results do not depend on the number of threads.
#ifndef TARN_CPU_POOL_LOOP_H
#define TARN_CPU_POOL_LOOP_H

#include <stddef.h>
#include <stdint.h>

#include "cpu/pool_values.h"
#include "cpu/stream.h"
#include "nn/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define POOL_LOOP_INLINE static inline __attribute__((always_inline))
#define POOL_ALIGNED     __attribute__((aligned(64)))
#else
#define POOL_LOOP_INLINE static inline
#define POOL_ALIGNED
#endif

// The maps of one call: x (n,h,w,c), y (n,oh,ow,c).
struct pool_map {
    const struct op_call *call;
    int64_t n;
    int h, w, c, oh, ow;
    struct window window;
    const void *args;           // the pool's own parameters
    int form;                   // pool_def.form
    uint8_t *bytes;             // what forward saves, one byte an output; NULL: nothing
    bool y_streams, dx_streams; // too large for the caches, and fit for cpu/stream.h
    bool is_bf16;               // x and y, otherwise f32; gradients are always f32
    int n_rows;                 // of a task
    const struct pool_values *values; // NULL: the pool has none
    char *window_memory;              // window_bytes for each thread; see POOL_MAX_STACK
    size_t window_bytes;
};

struct pool_map pool_map_of(const struct op_call *call);

static inline int pool_tasks(int rows, int n_rows)
{
    return (rows + n_rows - 1) / n_rows;
}

// What a pool's kernels need beside its loops. Zero for none of it.
struct pool_needs {
    // Fills in the form of the pool's values; NULL: it has none.
    void (*values)(const struct op_call *call, struct pool_value_form *form);
    // Changes the window from the map's, e.g. to see its surroundings; y is as large as it is.
    void (*window)(const struct op_call *call, struct window *window);
    // Of cpu/pool_window.h: N_LANES of the kernel's file. Large windows get memory then.
    int n_lanes;
};

// Elements of a window that fit a kernel's stack, as lanes (cpu/lanes.h).
enum { POOL_MAX_STACK = 64 };

// Rows [begin, end) of windows of one image.
typedef void (*pool_forward_rows)(const struct op_call *call, const struct pool_map *map,
                                  int64_t image, int begin, int end);

// Rows [begin, end) of one image's input gradient.
typedef void (*pool_backward_rows)(const struct op_backward_call *backward,
                                   const struct pool_map *map, int64_t image, int begin, int end);

// In parallel, n_rows at a time. Backward also writes the gradients of parameters.
enum status pool_run_forward(const struct op_call *call, const struct pool_needs *needs,
                             pool_forward_rows rows, int n_rows) MUST_USE;
enum status pool_run_backward(const struct op_backward_call *backward,
                              const struct pool_needs *needs, pool_backward_rows rows,
                              int n_rows) MUST_USE;

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

// What the windows of one row have in common, so that a window costs few instructions.
struct pool_row {
    struct pool_patch patch; // of a window that begins at column 0
    size_t first_out;        // of window 0
};

POOL_LOOP_INLINE struct pool_row pool_row_at(const struct pool_map *map, int64_t image, int oh)
{
    const struct window *w = &map->window;
    int top, bottom;
    window_range(oh, map->h, w->kernel_h, w->stride_h, w->pad_begin_h, &top, &bottom);
    struct pool_row row;
    size_t c = (size_t)map->c, width = (size_t)map->w;
    row.patch.first = ((size_t)image * (size_t)map->h + (size_t)top) * width * c;
    row.patch.row = width * c;
    row.patch.out = 0;
    row.patch.rows = bottom - top;
    row.patch.cols = w->kernel_w;
    row.patch.top = top - (oh * w->stride_h - w->pad_begin_h);
    row.patch.left = 0;
    row.patch.c = map->c;
    row.first_out = ((size_t)image * (size_t)map->oh + (size_t)oh) * (size_t)map->ow * c;
    return row;
}

POOL_LOOP_INLINE struct pool_patch pool_patch_at(const struct pool_map *map,
                                                 const struct pool_row *row, int ow)
{
    struct pool_patch patch = row->patch;
    int left = ow * map->window.stride_w - map->window.pad_begin_w;
    int right = left + map->window.kernel_w;
    if (left < 0) {
        patch.left = -left;
        left = 0;
    }
    if (right > map->w) right = map->w;
    patch.cols = right - left;
    patch.first += (size_t)left * (size_t)map->c;
    patch.out = row->first_out + (size_t)ow * (size_t)map->c;
    return patch;
}

// Asks for the elements that a window some steps further along the row will read first: arithmetic
// keeps the processor from running ahead to their loads by itself. A prefetch past the end of the
// map does nothing.
POOL_LOOP_INLINE void pool_prefetch(const struct pool_map *map, const struct pool_patch *patch,
                                    const void *x)
{
#if defined(__GNUC__)
    enum { AHEAD = 2048, LINE = 64 }; // bytes
    size_t element = map->is_bf16 ? sizeof(uint16_t) : sizeof(float);
    const char *first = (const char *)x + patch->first * element;
    size_t row = patch->row * element, step = (size_t)(map->window.stride_w * map->c) * element;
    for (int r = 0; r < patch->rows; r++)
        for (size_t i = 0; i < step; i += LINE)
            __builtin_prefetch(first + (size_t)r * row + AHEAD + i);
#else
    (void)map, (void)patch, (void)x;
#endif
}

// Results that stream are computed in a small buffer, which stays in the first-level cache.
// Buffers are aligned to a cache line: vectors across two lines cost double.
enum { POOL_MAX_STREAM_CHANNELS = 256 };

struct pool_stream_buffer {
    POOL_ALIGNED float values[POOL_MAX_STREAM_CHANNELS];
    POOL_ALIGNED uint8_t bytes[POOL_MAX_STREAM_CHANNELS];
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
            else if (p.n_oh == 3 && p.n_ow == 3)
                gather(context, map, &p, 3, 3);
            else
                gather(context, map, &p, p.n_oh, p.n_ow);
        }
    }
}

#ifdef __cplusplus
}
#endif
#endif
