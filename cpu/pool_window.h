// The loop over windows, for pools whose maths is a function of one window: POOL_WINDOW_KERNELS
// turns two inline functions over lanes into the kernels of a pool, for f32 and bf16, any window,
// any number of channels, with gradients of x and of the pool's learned values.
//
//     static lanes forward(const struct pool_view *v) { ... }
//     static void backward(const struct pool_view *v, lanes g, lanes *da, lanes *dv) { ... }
//     static const struct pool_needs needs = {.n_lanes = N_LANES};
//     POOL_WINDOW_KERNELS(name, &needs, forward, backward)
//
// Backward goes window by window too, since a gradient may depend on the whole window. A band of
// input rows walks over its windows in their order; the first window that contains an element
// stores, the others add. Windows across the border of two bands are computed in both; their
// learned values count in the band of their first row.
#ifndef TARN_CPU_POOL_WINDOW_H
#define TARN_CPU_POOL_WINDOW_H

#include <omp.h>

#include "cpu/lanes.h"
#include "cpu/pool_loop.h"

// One window and as many channels as there are lanes.
struct pool_view {
    const lanes *a; // its elements inside the map, row-major
    int n, cols;    // elements; those of a row
    int top, left;  // where the first one stands in the kernel
    int oh, ow;
    int64_t image;
    int channel; // of the first lane
    size_t first_out, out; // numbers of the results of channel 0 and of the first lane in y
    const struct pool_map *map;
    const float *values; // value 0 of those channels
    uint8_t *bytes;      // forward: where one byte a channel is saved, see pool_save
};

POOL_LOOP_INLINE lanes pool_value(const struct pool_view *v, int k)
{
    return lane_load(v->values + (size_t)k * v->map->values->stride);
}

// Saves a whole number 0 to 255 a channel for backward (pool_def.saved); only where v->bytes.
POOL_LOOP_INLINE void pool_save(const struct pool_view *v, lanes number)
{
    lane_bytes bytes = lane_to_bytes(number);
    int n_c = v->map->c - v->channel;
    memcpy(v->bytes + v->channel, &bytes, (size_t)(n_c < N_LANES ? n_c : N_LANES));
}

// Where element i stands in the kernel, row-major.
POOL_LOOP_INLINE int pool_place(const struct pool_view *v, int i)
{
    return (v->top + i / v->cols) * v->map->window.kernel_w + v->left + i % v->cols;
}

typedef lanes (*pool_window_forward)(const struct pool_view *view);
// da[i]: gradient of element i, written. dv[k]: gradient of value k, added to.
typedef void (*pool_window_backward)(const struct pool_view *view, lanes g, lanes *da, lanes *dv);

enum { POOL_UNROLLED = 9 }; // windows up to this size are unrolled

// ---- memory ------------------------------------------------------------------------------------

POOL_LOOP_INLINE lanes pool_load(const void *x, size_t at, int n_c, bool is_bf16)
{
    size_t whole = N_LANES, some = (size_t)n_c;
    if (is_bf16) {
        const uint16_t *from = (const uint16_t *)x + at;
        lane_halves halves = {0};
        if (some == whole) memcpy(&halves, from, sizeof halves);
        else memcpy(&halves, from, some % whole * sizeof *from);
        return lane_from_halves(halves);
    }
    const float *from = (const float *)x + at;
    lanes values = {0};
    if (some == whole) return lane_load(from);
    memcpy(&values, from, some % whole * sizeof *from);
    return values;
}

POOL_LOOP_INLINE void pool_store(void *y, size_t at, lanes value, int n_c, bool is_bf16,
                                 bool streams)
{
    size_t whole = N_LANES, some = (size_t)n_c;
    if (is_bf16) {
        uint16_t *to = (uint16_t *)y + at;
        lane_halves halves = lane_to_halves(value);
        if (some == whole) memcpy(to, &halves, sizeof halves);
        else memcpy(to, &halves, some % whole * sizeof *to);
    } else if (some < whole) {
        memcpy((float *)y + at, &value, some % whole * sizeof(float));
    } else if (streams) {
        lane_stream((float *)y + at, value);
    } else {
        lane_store((float *)y + at, value);
    }
}

POOL_LOOP_INLINE lanes *pool_window_memory(const struct pool_map *map)
{
    return (lanes *)(void *)(map->window_memory + (size_t)omp_get_thread_num() * map->window_bytes);
}

POOL_LOOP_INLINE void pool_load_window(const void *x, const struct pool_patch *p, int rows,
                                       int cols, int channel, int n_c, bool is_bf16, lanes *a)
{
    size_t first = p->first + (size_t)channel;
#pragma GCC unroll 9
    for (int i = 0; i < rows * cols; i++)
        a[i] = pool_load(x, first + (size_t)(i / cols) * p->row + (size_t)(i % cols) * (size_t)p->c,
                         n_c, is_bf16);
}

POOL_LOOP_INLINE struct pool_view pool_view_of(const struct pool_map *map,
                                               const struct pool_patch *p, int64_t image, int oh,
                                               int ow)
{
    struct pool_view v;
    memset(&v, 0, sizeof v);
    v.top = p->top;
    v.left = p->left;
    v.oh = oh;
    v.ow = ow;
    v.image = image;
    v.map = map;
    v.first_out = p->out;
    return v;
}

POOL_LOOP_INLINE void pool_view_at(struct pool_view *v, const lanes *a, int rows, int cols,
                                   int channel)
{
    v->a = a;
    v->n = rows * cols;
    v->cols = cols;
    v->channel = channel;
    v->out = v->first_out + (size_t)channel;
    v->values = v->map->values ? v->map->values->v + channel : NULL;
}

// ---- forward -----------------------------------------------------------------------------------

// Whole vectors of channels, of a window of constant size; returns the first channel left.
POOL_LOOP_INLINE int pool_window_y(struct pool_view v, const void *x, void *y,
                                   const struct pool_patch *p, int rows, int cols, bool is_bf16,
                                   pool_window_forward forward)
{
    lanes a[POOL_UNROLLED];
    int channel = 0;
    for (; channel + N_LANES <= p->c; channel += N_LANES) {
        pool_load_window(x, p, rows, cols, channel, N_LANES, is_bf16, a);
        pool_view_at(&v, a, rows, cols, channel);
        pool_store(y, p->out + (size_t)channel, forward(&v), N_LANES, is_bf16, v.map->y_streams);
    }
    return channel;
}

// The other windows and the channels that are left.
POOL_LOOP_INLINE void pool_window_y_any(struct pool_view v, const void *x, void *y,
                                        const struct pool_patch *p, int channel,
                                        pool_window_forward forward)
{
    lanes stack[POOL_MAX_STACK];
    lanes *a = p->rows * p->cols <= POOL_MAX_STACK ? stack : pool_window_memory(v.map);
    bool is_bf16 = v.map->is_bf16;
    for (; channel < p->c; channel += N_LANES) {
        int n_c = p->c - channel < N_LANES ? p->c - channel : N_LANES;
        pool_load_window(x, p, p->rows, p->cols, channel, n_c, is_bf16, a);
        pool_view_at(&v, a, p->rows, p->cols, channel);
        pool_store(y, p->out + (size_t)channel, forward(&v), n_c, is_bf16, v.map->y_streams);
    }
}

POOL_LOOP_INLINE void pool_window_row_y(const struct op_call *call, const struct pool_map *map,
                                        int64_t image, int oh, pool_window_forward forward)
{
    // A copy that nobody else can reach: its members stay in registers over the stores to y.
    const struct pool_map own = *map;
    map = &own;
    const void *x = call->in[0]->data;
    void *y = call->out[0]->data;
    POOL_ALIGNED uint8_t bytes[POOL_MAX_STREAM_CHANNELS] = {0};
    struct pool_row row = pool_row_at(map, image, oh);
    for (int ow = 0; ow < map->ow; ow++) {
        struct pool_patch p = pool_patch_at(map, &row, ow);
        struct pool_view v = pool_view_of(map, &p, image, oh, ow);
        int channel = 0;
        if (map->bytes) v.bytes = map->y_streams ? bytes : map->bytes + p.out;
        if (map->y_streams) pool_prefetch(map, &p, x);
        if (p.rows == 2 && p.cols == 2)
            channel = map->is_bf16 ? pool_window_y(v, x, y, &p, 2, 2, true, forward)
                                   : pool_window_y(v, x, y, &p, 2, 2, false, forward);
        else if (p.rows == 3 && p.cols == 3)
            channel = map->is_bf16 ? pool_window_y(v, x, y, &p, 3, 3, true, forward)
                                   : pool_window_y(v, x, y, &p, 3, 3, false, forward);
        if (channel < p.c) pool_window_y_any(v, x, y, &p, channel, forward);
        if (map->bytes && map->y_streams) stream_copy(map->bytes + p.out, bytes, (size_t)p.c);
    }
    if (map->y_streams) stream_end();
}

POOL_LOOP_INLINE void pool_window_rows_y(const struct op_call *call, const struct pool_map *map,
                                         int64_t image, int begin, int end,
                                         pool_window_forward forward)
{
    for (int oh = begin; oh < end; oh++) pool_window_row_y(call, map, image, oh, forward);
}

// ---- backward ----------------------------------------------------------------------------------

struct pool_band {
    const void *x;
    const float *dy;
    float *dx;              // NULL: not wanted
    int begin, end;         // rows of the map
    int row_begin, row_end; // rows of the window inside the map: those in the band
    int fresh_row, fresh_col; // kernel rows and columns from here on: not yet in any window
    bool streams;             // no window overlaps another
};

POOL_LOOP_INLINE void pool_add_dx(const struct pool_band *band, size_t at, lanes value, int n_c,
                                  bool is_fresh)
{
    float *dx = band->dx + at;
    if (is_fresh)
        pool_store(dx, 0, value, n_c, false, band->streams);
    else
        pool_store(dx, 0, pool_load(dx, 0, n_c, false) + value, n_c, false, false);
}

POOL_LOOP_INLINE void pool_lanes_dx(struct pool_view v, const struct pool_band *band,
                                    const struct pool_patch *p, int rows, int cols, int channel,
                                    int n_c, bool is_bf16, lanes *a, lanes *da, float *dvalues,
                                    pool_window_backward backward)
{
    pool_load_window(band->x, p, rows, cols, channel, n_c, is_bf16, a);
    pool_view_at(&v, a, rows, cols, channel);
    lanes g = pool_load(band->dy, p->out + (size_t)channel, n_c, false);
    backward(&v, g, da, (lanes *)(void *)dvalues);
    if (!band->dx) return;
    size_t first = p->first + (size_t)channel;
#pragma GCC unroll 9
    for (int i = 0; i < rows * cols; i++) {
        int r = i / cols, q = i % cols;
        if (r < band->row_begin || r >= band->row_end) continue;
        bool is_fresh = p->top + r >= band->fresh_row && p->left + q >= band->fresh_col;
        pool_add_dx(band, first + (size_t)r * p->row + (size_t)q * (size_t)p->c, da[i], n_c,
                    is_fresh);
    }
}

// Whole vectors of channels, of a window of constant size; returns the first channel left.
// dvalues: gradients of the values, see struct pool_values.
POOL_LOOP_INLINE int pool_window_dx(struct pool_view v, const struct pool_band *band,
                                    const struct pool_patch *p, int rows, int cols, bool is_bf16,
                                    float *dvalues, pool_window_backward backward)
{
    lanes a[POOL_UNROLLED], da[POOL_UNROLLED];
    int n_values = v.map->values ? v.map->values->form.n : 0, channel = 0;
    for (; channel + N_LANES <= p->c; channel += N_LANES)
        pool_lanes_dx(v, band, p, rows, cols, channel, N_LANES, is_bf16, a, da,
                      dvalues + channel * n_values, backward);
    return channel;
}

// The other windows and the channels that are left.
POOL_LOOP_INLINE void pool_window_dx_any(struct pool_view v, const struct pool_band *band,
                                         const struct pool_patch *p, int channel, float *dvalues,
                                         pool_window_backward backward)
{
    lanes stack[2 * POOL_MAX_STACK];
    int n = p->rows * p->cols, n_values = v.map->values ? v.map->values->form.n : 0;
    lanes *a = n <= POOL_MAX_STACK ? stack : pool_window_memory(v.map);
    for (; channel < p->c; channel += N_LANES) {
        int n_c = p->c - channel < N_LANES ? p->c - channel : N_LANES;
        pool_lanes_dx(v, band, p, p->rows, p->cols, channel, n_c, v.map->is_bf16, a, a + n,
                      dvalues + channel * n_values, backward);
    }
}

POOL_LOOP_INLINE void pool_window_row_dx(const struct op_backward_call *backward,
                                         const struct pool_map *map, int64_t image, int oh,
                                         struct pool_band *band, float *sums,
                                         pool_window_backward window)
{
    const struct pool_map own = *map;
    map = &own;
    const struct window *win = &map->window;
    bool adds = backward->beta[0] != 0.0f;
    struct pool_row row = pool_row_at(map, image, oh);
    int first = oh * win->stride_h - win->pad_begin_h + row.patch.top;
    band->row_begin = band->begin > first ? band->begin - first : 0;
    band->row_end = band->end - first < row.patch.rows ? band->end - first : row.patch.rows;
    int overlap_h = win->kernel_h - win->stride_h, overlap_w = win->kernel_w - win->stride_w;
    band->fresh_row = adds ? win->kernel_h : oh && overlap_h > 0 ? overlap_h : 0;
    float *dvalues = sums;
    if (map->values && first < band->begin) // counts in the band of its first row
        dvalues = map->values->unused + (size_t)omp_get_thread_num() *
                                            (size_t)map->values->form.n * map->values->stride;
    for (int ow = 0; ow < map->ow; ow++) {
        struct pool_patch p = pool_patch_at(map, &row, ow);
        struct pool_view v = pool_view_of(map, &p, image, oh, ow);
        int channel = 0;
        band->fresh_col = adds ? win->kernel_w : ow && overlap_w > 0 ? overlap_w : 0;
        if (map->dx_streams) pool_prefetch(map, &p, band->x);
        if (p.rows == 2 && p.cols == 2)
            channel = map->is_bf16
                          ? pool_window_dx(v, band, &p, 2, 2, true, dvalues, window)
                          : pool_window_dx(v, band, &p, 2, 2, false, dvalues, window);
        else if (p.rows == 3 && p.cols == 3)
            channel = map->is_bf16
                          ? pool_window_dx(v, band, &p, 3, 3, true, dvalues, window)
                          : pool_window_dx(v, band, &p, 3, 3, false, dvalues, window);
        if (channel < p.c) pool_window_dx_any(v, band, &p, channel, dvalues, window);
    }
}

POOL_LOOP_INLINE void pool_window_band_dx(const struct op_backward_call *backward,
                                          const struct pool_map *map, int64_t image, int begin,
                                          int end, pool_window_backward window)
{
    const struct op_call *call = backward->forward;
    const struct window *win = &map->window;
    struct pool_band band;
    memset(&band, 0, sizeof band);
    band.x = call->in[0]->data;
    band.dy = (const float *)call->out[0]->grad;
    float *sums = NULL;
    int oh_begin, oh_end, unused;
    band.dx = backward->want[0] ? (float *)call->in[0]->grad : NULL;
    band.begin = begin;
    band.end = end;
    band.streams =
        map->dx_streams && win->kernel_h <= win->stride_h && win->kernel_w <= win->stride_w;
    if (map->values) {
        int64_t task = image * pool_tasks(map->h, map->n_rows) + begin / map->n_rows;
        sums = map->values->sums + (size_t)task * (size_t)map->values->form.n * map->values->stride;
    }
    if (band.dx && backward->beta[0] == 0.0f)
        pool_zero_uncovered(map, image, begin, end, band.dx);
    window_cover(begin, map->oh, win->kernel_h, win->stride_h, win->pad_begin_h, &oh_begin,
                 &unused);
    window_cover(end - 1, map->oh, win->kernel_h, win->stride_h, win->pad_begin_h, &unused,
                 &oh_end);
    for (int oh = oh_begin; oh < oh_end; oh++)
        pool_window_row_dx(backward, map, image, oh, &band, sums, window);
    stream_end();
}

enum { POOL_BAND_ROWS = 32 };

#define POOL_WINDOW_KERNELS(name, needs, forward, backward)                                        \
    static void window_forward_rows(const struct op_call *call, const struct pool_map *map,        \
                                    int64_t image, int begin, int end)                             \
    {                                                                                              \
        pool_window_rows_y(call, map, image, begin, end, forward);                                 \
    }                                                                                              \
    static void window_backward_rows(const struct op_backward_call *call,                          \
                                     const struct pool_map *map, int64_t image, int begin,         \
                                     int end)                                                      \
    {                                                                                              \
        pool_window_band_dx(call, map, image, begin, end, backward);                               \
    }                                                                                              \
    enum status ISA_NAME(pool_##name##_forward)(const struct op_call *call)                        \
    {                                                                                              \
        return pool_run_forward(call, needs, window_forward_rows, 1);                              \
    }                                                                                              \
    enum status ISA_NAME(pool_##name##_backward)(const struct op_backward_call *call)              \
    {                                                                                              \
        return pool_run_backward(call, needs, window_backward_rows, POOL_BAND_ROWS);               \
    }

#endif
