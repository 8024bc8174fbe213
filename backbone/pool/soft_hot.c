#include "backbone/pool/soft.h"

#include "backbone/pool/dispatch.h"
#include "backbone/pool/soft_strip_hot.h"
#include "cpu/pool_loop.h"

POOL_DECLARE_KERNELS(soft);

POOL_LOOP_INLINE void small_forward(const float *restrict x, size_t row, int c, int rows, int cols,
                                    struct soft_scale scale, float *restrict y)
{
#pragma omp simd
    for (int ch = 0; ch < c; ch++) {
        float a[9], maximum = x[ch], s = 0.0f, t = 0.0f;
        POOL_UNROLL
        for (int i = 0; i < rows * cols; i++) {
            a[i] = x[(size_t)(i / cols) * row + (size_t)(i % cols) * (size_t)c + (size_t)ch];
            maximum = soft_larger(a[i], maximum);
        }
        POOL_UNROLL
        for (int i = 0; i < rows * cols; i++) {
            float d = soft_distance(a[i], maximum, scale), e = soft_term(d, scale);
            s += e;
            t = vec_fma(e, d, t);
        }
        y[ch] = soft_value(maximum, s, t);
    }
}

// Running values of a window of any size, for a block of channels.
struct block_sums {
    POOL_ALIGNED float maximum[POOL_CHANNEL_BLOCK];
    POOL_ALIGNED float s[POOL_CHANNEL_BLOCK];
    POOL_ALIGNED float t[POOL_CHANNEL_BLOCK];
};

static void sum_window(const float *x, const struct pool_patch *p, struct soft_scale scale, int n,
                       struct block_sums *block)
{
    for (int ch = 0; ch < n; ch++) {
        block->maximum[ch] = x[ch];
        block->s[ch] = block->t[ch] = 0.0f;
    }
    for (int r = 0; r < p->rows; r++)
        for (int q = 0; q < p->cols; q++) {
            const float *a = x + (size_t)r * p->row + (size_t)q * (size_t)p->c;
            for (int ch = 0; ch < n; ch++)
                block->maximum[ch] = soft_larger(a[ch], block->maximum[ch]);
        }
    for (int r = 0; r < p->rows; r++)
        for (int q = 0; q < p->cols; q++) {
            const float *a = x + (size_t)r * p->row + (size_t)q * (size_t)p->c;
#pragma omp simd
            for (int ch = 0; ch < n; ch++) {
                float d = soft_distance(a[ch], block->maximum[ch], scale);
                float e = soft_term(d, scale);
                block->s[ch] += e;
                block->t[ch] = vec_fma(e, d, block->t[ch]);
            }
        }
}

static int block_size(const struct pool_patch *p, int begin)
{
    return p->c - begin < POOL_CHANNEL_BLOCK ? p->c - begin : POOL_CHANNEL_BLOCK;
}

static void any_forward(const float *x, const struct pool_patch *p, struct soft_scale scale,
                        float *y)
{
    for (int begin = 0; begin < p->c; begin += POOL_CHANNEL_BLOCK) {
        int n = block_size(p, begin);
        struct block_sums block;
        sum_window(x + begin, p, scale, n, &block);
        for (int ch = 0; ch < n; ch++)
            y[begin + ch] = soft_value(block.maximum[ch], block.s[ch], block.t[ch]);
    }
}

static void forward_row(const struct op_call *call, const struct pool_map *map, int64_t image,
                        int oh)
{
    const struct soft_args *args = map->args;
    const float *x = call->in[0]->data;
    float *y = call->out[0]->data;
    struct soft_scale scale = soft_scale_of(args->beta);
    POOL_ALIGNED float buffer[POOL_MAX_STREAM_CHANNELS];
    struct pool_row row = pool_row_at(map, image, oh);
    for (int ow = 0; ow < map->ow; ow++) {
        struct pool_patch p = pool_patch_at(map, &row, ow);
        if (map->y_streams) pool_prefetch(map, &p, x);
        float *out = map->y_streams ? buffer : y + p.out;
        if (p.rows == 2 && p.cols == 2)
            small_forward(x + p.first, p.row, p.c, 2, 2, scale, out);
        else if (p.rows == 3 && p.cols == 3)
            small_forward(x + p.first, p.row, p.c, 3, 3, scale, out);
        else
            any_forward(x + p.first, &p, scale, out);
        if (map->y_streams) stream_copy(y + p.out, buffer, (size_t)p.c * sizeof(float));
    }
    if (map->y_streams) stream_end();
}

static void forward_rows(const struct op_call *call, const struct pool_map *map, int64_t image,
                         int begin, int end)
{
    if (soft_strip_fits(map) &&
        ISA_NAME(soft_strip_forward)(map, image, call->in[0]->data, call->out[0]->data, begin, end))
        return;
    for (int oh = begin; oh < end; oh++) forward_row(call, map, image, oh);
}

enum status ISA_NAME(pool_soft_forward)(const struct op_call *call)
{
    return pool_run_forward(call, forward_rows, SOFT_STRIP_OUT_ROWS);
}

// Backward goes window by window, since an element's weight needs the whole window: gathering
// would take every exponential twice. A band walks over its windows in their order; the first
// window that contains an element stores, the others add. An element (r, q) of the kernel is new if
// r >= fresh_row and q >= fresh_col, which is beyond what the windows before it covered.
struct scatter {
    struct soft_scale scale;
    float slope_beta;
    int row_begin, row_end; // rows of the window inside the map: those in the band
    int fresh_row, fresh_col;
    bool streams; // no window overlaps another: results go past the caches
};

POOL_LOOP_INLINE void small_backward(const float *restrict x, const float *restrict dy,
                                     float *restrict dx, size_t dx_row, size_t row, int c, int rows,
                                     int cols, const struct scatter *how, int fresh_row,
                                     int fresh_col)
{
    struct soft_scale scale = how->scale;
    float slope_beta = how->slope_beta;
#pragma omp simd
    for (int ch = 0; ch < c; ch++) {
        float d[9], e[9], maximum = x[ch], s = 0.0f, t = 0.0f;
        POOL_UNROLL
        for (int i = 0; i < rows * cols; i++) {
            d[i] = x[(size_t)(i / cols) * row + (size_t)(i % cols) * (size_t)c + (size_t)ch];
            maximum = soft_larger(d[i], maximum);
        }
        POOL_UNROLL
        for (int i = 0; i < rows * cols; i++) {
            d[i] = soft_distance(d[i], maximum, scale);
            e[i] = soft_term(d[i], scale);
            s += e[i];
            t = vec_fma(e[i], d[i], t);
        }
        float inverse_s = 1.0f / s, mean_d = t * inverse_s, g = dy[ch] * inverse_s;
        POOL_UNROLL
        for (int i = 0; i < rows * cols; i++) {
            size_t at = (size_t)(i / cols) * dx_row + (size_t)(i % cols) * (size_t)c + (size_t)ch;
            float value = soft_slope(e[i] * g, d[i], mean_d, slope_beta);
            dx[at] = i / cols >= fresh_row && i % cols >= fresh_col ? value : dx[at] + value;
        }
    }
}

static void any_backward(const float *x, const float *dy, float *dx, const struct pool_patch *p,
                         const struct scatter *how)
{
    for (int begin = 0; begin < p->c; begin += POOL_CHANNEL_BLOCK) {
        int n = block_size(p, begin);
        struct block_sums block;
        sum_window(x + begin, p, how->scale, n, &block);
        POOL_ALIGNED float mean_d[POOL_CHANNEL_BLOCK];
        POOL_ALIGNED float g[POOL_CHANNEL_BLOCK];
        for (int ch = 0; ch < n; ch++) {
            float inverse_s = 1.0f / block.s[ch];
            mean_d[ch] = block.t[ch] * inverse_s;
            g[ch] = dy[begin + ch] * inverse_s;
        }
        for (int r = how->row_begin; r < how->row_end; r++)
            for (int q = 0; q < p->cols; q++) {
                size_t at = (size_t)r * p->row + (size_t)q * (size_t)p->c + (size_t)begin;
                const float *restrict a = x + at;
                float *restrict out = dx + at;
                bool is_fresh = p->top + r >= how->fresh_row && p->left + q >= how->fresh_col;
#pragma omp simd
                for (int ch = 0; ch < n; ch++) {
                    float d = soft_distance(a[ch], block.maximum[ch], how->scale);
                    float e = soft_term(d, how->scale);
                    float value = soft_slope(e * g[ch], d, mean_d[ch], how->slope_beta);
                    out[ch] = is_fresh ? value : out[ch] + value;
                }
            }
    }
}

static void backward_window(const float *x, const float *dy, float *dx, const struct pool_patch *p,
                            const struct scatter *how)
{
    bool is_whole = how->row_begin == 0 && how->row_end == p->rows && p->top == 0 && p->left == 0;
    int size = is_whole && p->rows == p->cols ? p->rows : 0;
    int fresh = how->fresh_row == how->fresh_col ? how->fresh_row : -1;
    size_t c = (size_t)p->c;
    if (size == 2 && fresh == 0 && how->streams) {
        POOL_ALIGNED float buffer[4 * POOL_MAX_STREAM_CHANNELS];
        small_backward(x, dy, buffer, 2 * c, p->row, p->c, 2, 2, how, 0, 0);
        stream_copy(dx, buffer, 2 * c * sizeof(float));
        stream_copy(dx + p->row, buffer + 2 * c, 2 * c * sizeof(float));
    } else if (size == 2 && fresh == 0) {
        small_backward(x, dy, dx, p->row, p->row, p->c, 2, 2, how, 0, 0);
    } else if (size == 2 && fresh >= 2) {
        small_backward(x, dy, dx, p->row, p->row, p->c, 2, 2, how, 2, 2);
    } else if (size == 3 && fresh == 1) {
        small_backward(x, dy, dx, p->row, p->row, p->c, 3, 3, how, 1, 1);
    } else if (size == 3 && fresh >= 3) {
        small_backward(x, dy, dx, p->row, p->row, p->c, 3, 3, how, 3, 3);
    } else {
        any_backward(x, dy, dx, p, how);
    }
}

static int larger(int a, int b)
{
    return a > b ? a : b;
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

// The windows of row oh, as far as they reach into rows [begin, end).
static void backward_row(const struct op_backward_call *backward, const struct pool_map *map,
                         int64_t image, int oh, int begin, int end, struct scatter *how)
{
    const struct op_call *call = backward->forward;
    const struct window *win = &map->window;
    const float *x = call->in[0]->data, *dy = call->out[0]->grad;
    float *dx = call->in[0]->grad;
    bool adds = backward->beta[0] != 0.0f;
    struct pool_row row = pool_row_at(map, image, oh);
    int top = oh * win->stride_h - win->pad_begin_h + row.patch.top;
    how->fresh_row = adds ? win->kernel_h : oh ? larger(win->kernel_h - win->stride_h, 0) : 0;
    how->row_begin = larger(begin - top, 0);
    how->row_end = smaller(end - top, row.patch.rows);
    for (int ow = 0; ow < map->ow; ow++) {
        struct pool_patch p = pool_patch_at(map, &row, ow);
        if (map->dx_streams) pool_prefetch(map, &p, x);
        how->fresh_col = adds ? win->kernel_w : ow ? larger(win->kernel_w - win->stride_w, 0) : 0;
        backward_window(x + p.first, dy + p.out, dx + p.first, &p, how);
    }
}

static void backward_band(const struct op_backward_call *backward, const struct pool_map *map,
                          int64_t image, int begin, int end)
{
    const struct op_call *call = backward->forward;
    const struct soft_args *args = map->args;
    const struct window *win = &map->window;
    bool adds = backward->beta[0] != 0.0f;
    struct scatter how = {.scale = soft_scale_of(args->beta)};
    how.slope_beta = args->grad == SOFT_EXACT ? (float)args->beta : 0.0f;
    how.streams =
        map->dx_streams && win->kernel_h <= win->stride_h && win->kernel_w <= win->stride_w;
    if (!adds) pool_zero_uncovered(map, image, begin, end, call->in[0]->grad);
    if (!adds && soft_strip_fits(map) &&
        ISA_NAME(soft_strip_backward)(map, image, call->in[0]->data, call->out[0]->grad,
                                      call->in[0]->grad, begin, end))
        return;
    int oh_begin, oh_end, unused;
    window_cover(begin, map->oh, win->kernel_h, win->stride_h, win->pad_begin_h, &oh_begin,
                 &unused);
    window_cover(end - 1, map->oh, win->kernel_h, win->stride_h, win->pad_begin_h, &unused,
                 &oh_end);
    for (int oh = oh_begin; oh < oh_end; oh++)
        backward_row(backward, map, image, oh, begin, end, &how);
    stream_end();
}

enum status ISA_NAME(pool_soft_backward)(const struct op_backward_call *backward)
{
    return pool_run_backward(backward, backward_band, SOFT_STRIP_IN_ROWS);
}
