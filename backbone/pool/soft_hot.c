#include "backbone/pool/soft.h"

#include <string.h>

#include "backbone/pool/dispatch.h"
#include "cpu/pool_loop.h"

POOL_DECLARE_KERNELS(soft);

POOL_LOOP_INLINE void small_forward(const float *restrict x, size_t row, int c, int rows, int cols,
                                    float log2_scale, float *restrict y)
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
            float d = a[i] - maximum, e = soft_term(d, log2_scale);
            s += e;
            t = vec_fma(e, d, t);
        }
        y[ch] = soft_value(maximum, s, t);
    }
}

// Running values of a window of any size, for a block of channels.
struct block_sums {
    float maximum[POOL_CHANNEL_BLOCK], s[POOL_CHANNEL_BLOCK], t[POOL_CHANNEL_BLOCK];
};

static void sum_window(const float *x, const struct pool_patch *p, float log2_scale, int n,
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
                float d = a[ch] - block->maximum[ch], e = soft_term(d, log2_scale);
                block->s[ch] += e;
                block->t[ch] = vec_fma(e, d, block->t[ch]);
            }
        }
}

static int block_size(const struct pool_patch *p, int begin)
{
    return p->c - begin < POOL_CHANNEL_BLOCK ? p->c - begin : POOL_CHANNEL_BLOCK;
}

static void any_forward(const float *x, const struct pool_patch *p, float log2_scale, float *y)
{
    for (int begin = 0; begin < p->c; begin += POOL_CHANNEL_BLOCK) {
        int n = block_size(p, begin);
        struct block_sums block;
        sum_window(x + begin, p, log2_scale, n, &block);
        for (int ch = 0; ch < n; ch++)
            y[begin + ch] = soft_value(block.maximum[ch], block.s[ch], block.t[ch]);
    }
}

static void forward_row(const struct op_call *call, const struct pool_map *map, int64_t image,
                        int oh)
{
    const struct soft_args *args = map->args;
    const float *x = call->in[0]->data;
    float *y = call->out[0]->data, log2_scale = soft_log2_scale(args->beta);
    float buffer[POOL_MAX_STREAM_CHANNELS];
    for (int ow = 0; ow < map->ow; ow++) {
        struct pool_patch p = pool_patch_at(map, image, oh, ow);
        float *out = map->y_streams ? buffer : y + p.out;
        if (p.rows == 2 && p.cols == 2)
            small_forward(x + p.first, p.row, p.c, 2, 2, log2_scale, out);
        else if (p.rows == 3 && p.cols == 3)
            small_forward(x + p.first, p.row, p.c, 3, 3, log2_scale, out);
        else
            any_forward(x + p.first, &p, log2_scale, out);
        if (map->y_streams) stream_copy(y + p.out, buffer, (size_t)p.c * sizeof(float));
    }
    if (map->y_streams) stream_end();
}

enum status ISA_NAME(pool_soft_forward)(const struct op_call *call)
{
    return pool_run_forward(call, forward_row);
}

// Backward goes window by window, since an element's weight needs the whole window: gathering
// would take every exponential twice. A band walks over its windows in their order and adds their
// contributions either to dx itself or, for maps that stream, to a ring of as many rows as a window
// has, whose rows are written out when no later window reaches them.
// The first window that contains an element stores, the others add: an element (r, q) of the kernel
// is new if r >= fresh_row and q >= fresh_col, which is beyond what the windows before it covered.
struct scatter {
    float log2_scale, slope_beta;
    float *rows; // row h of the image at rows + h % n_rows * row
    int n_rows;
    size_t row;
    int fresh_row, fresh_col;
};

// One window: the rows of `patch` inside the band, and where they go.
struct target {
    float *dx[3]; // small windows: row r of the window, from its first column
    int h, w;     // of the patch's element (0, 0)
    int row_begin, row_end;
};

POOL_LOOP_INLINE void small_backward(const float *restrict x, const float *restrict dy,
                                     float *const *to, size_t row, int c, int rows, int cols,
                                     const struct scatter *how, int fresh_row, int fresh_col)
{
    float log2_scale = how->log2_scale, slope_beta = how->slope_beta;
    float *restrict to0 = to[0], *restrict to1 = to[1], *restrict to2 = to[2];
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
            d[i] -= maximum;
            e[i] = soft_term(d[i], log2_scale);
            s += e[i];
            t = vec_fma(e[i], d[i], t);
        }
        float inverse_s = 1.0f / s, mean_d = t * inverse_s, g = dy[ch] * inverse_s;
        POOL_UNROLL
        for (int i = 0; i < rows * cols; i++) {
            float *dx = i / cols == 0 ? to0 : i / cols == 1 ? to1 : to2;
            size_t at = (size_t)(i % cols) * (size_t)c + (size_t)ch;
            float value = soft_slope(e[i] * g, d[i], mean_d, slope_beta);
            dx[at] = i / cols >= fresh_row && i % cols >= fresh_col ? value : dx[at] + value;
        }
    }
}

static void any_backward(const float *x, const float *dy, const struct pool_patch *p,
                         const struct target *target, const struct scatter *how)
{
    for (int begin = 0; begin < p->c; begin += POOL_CHANNEL_BLOCK) {
        int n = block_size(p, begin);
        struct block_sums block;
        sum_window(x + begin, p, how->log2_scale, n, &block);
        float mean_d[POOL_CHANNEL_BLOCK], g[POOL_CHANNEL_BLOCK];
        for (int ch = 0; ch < n; ch++) {
            float inverse_s = 1.0f / block.s[ch];
            mean_d[ch] = block.t[ch] * inverse_s;
            g[ch] = dy[begin + ch] * inverse_s;
        }
        for (int r = target->row_begin; r < target->row_end; r++)
            for (int q = 0; q < p->cols; q++) {
                const float *restrict a =
                    x + (size_t)r * p->row + (size_t)q * (size_t)p->c + (size_t)begin;
                float *restrict dx = how->rows +
                                     (size_t)((target->h + r) % how->n_rows) * how->row +
                                     (size_t)(target->w + q) * (size_t)p->c + (size_t)begin;
                bool is_fresh = p->top + r >= how->fresh_row && p->left + q >= how->fresh_col;
#pragma omp simd
                for (int ch = 0; ch < n; ch++) {
                    float d = a[ch] - block.maximum[ch], e = soft_term(d, how->log2_scale);
                    float value = soft_slope(e * g[ch], d, mean_d[ch], how->slope_beta);
                    dx[ch] = is_fresh ? value : dx[ch] + value;
                }
            }
    }
}

static void backward_window(const float *x, const float *dy, const struct pool_patch *p,
                            struct target *target, const struct scatter *how)
{
    bool is_all =
        target->row_begin == 0 && target->row_end == p->rows && p->top == 0 && p->left == 0;
    int size = is_all && p->rows == p->cols && p->rows <= 3 ? p->rows : 0;
    int fresh = how->fresh_row == how->fresh_col ? how->fresh_row : -1;
    for (int r = 0; r < size; r++)
        target->dx[r] = how->rows + (size_t)((target->h + r) % how->n_rows) * how->row +
                        (size_t)target->w * (size_t)p->c;
    if (size == 2 && fresh == 0)
        small_backward(x, dy, target->dx, p->row, p->c, 2, 2, how, 0, 0);
    else if (size == 2 && fresh >= 2)
        small_backward(x, dy, target->dx, p->row, p->c, 2, 2, how, 2, 2);
    else if (size == 3 && fresh == 1)
        small_backward(x, dy, target->dx, p->row, p->c, 3, 3, how, 1, 1);
    else if (size == 3 && fresh >= 3)
        small_backward(x, dy, target->dx, p->row, p->c, 3, 3, how, 3, 3);
    else
        any_backward(x, dy, p, target, how);
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
    bool adds = backward->beta[0] != 0.0f;
    struct target target = {{NULL}, 0, 0, 0, 0};
    how->fresh_row = adds ? win->kernel_h : oh ? larger(win->kernel_h - win->stride_h, 0) : 0;
    for (int ow = 0; ow < map->ow; ow++) {
        struct pool_patch p = pool_patch_at(map, image, oh, ow);
        how->fresh_col = adds ? win->kernel_w : ow ? larger(win->kernel_w - win->stride_w, 0) : 0;
        target.h = oh * win->stride_h - win->pad_begin_h + p.top;
        target.w = ow * win->stride_w - win->pad_begin_w + p.left;
        target.row_begin = larger(begin - target.h, 0);
        target.row_end = smaller(end - target.h, p.rows);
        backward_window(x + p.first, dy + p.out, &p, &target, how);
    }
}

static void write_out(const struct pool_map *map, const struct scatter *ring, float *dx, int begin,
                      int end)
{
    const struct window *win = &map->window;
    for (int h = begin; h < end; h++) {
        int first, last;
        window_cover(h, map->oh, win->kernel_h, win->stride_h, win->pad_begin_h, &first, &last);
        if (first < last)
            stream_copy(dx + (size_t)h * ring->row,
                        ring->rows + (size_t)(h % ring->n_rows) * ring->row,
                        ring->row * sizeof(float));
    }
}

static bool uses_ring(const struct op_backward_call *backward, const struct pool_map *map)
{
    return map->dx_streams && backward->beta[0] == 0.0f && map->window.kernel_h <= 3;
}

static void backward_band(const struct op_backward_call *backward, const struct pool_map *map,
                          int64_t image, int begin, int end, float *scratch)
{
    const struct soft_args *args = map->args;
    const struct window *win = &map->window;
    bool adds = backward->beta[0] != 0.0f, is_ring = uses_ring(backward, map);
    struct scatter how = {.log2_scale = soft_log2_scale(args->beta)};
    how.slope_beta = args->grad == SOFT_EXACT ? (float)args->beta : 0.0f;
    how.row = (size_t)map->w * (size_t)map->c;
    float *dx = (float *)backward->forward->in[0]->grad + (size_t)image * (size_t)map->h * how.row;
    how.rows = is_ring ? scratch : dx;
    how.n_rows = is_ring ? win->kernel_h : map->h;
    // Columns that no window contains are never touched: zeroed here, they stay so in the ring.
    if (is_ring) memset(scratch, 0, (size_t)win->kernel_h * how.row * sizeof(float));
    if (!adds) pool_zero_uncovered(map, image, begin, end, backward->forward->in[0]->grad);
    int oh_begin, oh_end, unused, written = begin;
    window_cover(begin, map->oh, win->kernel_h, win->stride_h, win->pad_begin_h, &oh_begin,
                 &unused);
    window_cover(end - 1, map->oh, win->kernel_h, win->stride_h, win->pad_begin_h, &unused,
                 &oh_end);
    for (int oh = oh_begin; oh < oh_end; oh++) {
        backward_row(backward, map, image, oh, begin, end, &how);
        int next = oh + 1 < oh_end ? (oh + 1) * win->stride_h - win->pad_begin_h : end;
        if (is_ring && next > written) {
            write_out(map, &how, dx, written, smaller(next, end));
            written = next;
        }
    }
    if (is_ring) stream_end();
}

enum status ISA_NAME(pool_soft_backward)(const struct op_backward_call *backward)
{
    struct pool_map map = pool_map_of(backward->forward);
    size_t ring = (size_t)map.window.kernel_h * (size_t)map.w * (size_t)map.c;
    return pool_run_backward(backward, backward_band, uses_ring(backward, &map) ? ring : 0);
}
