#include "backbone/pool/soft.h"

#include "backbone/pool/dispatch.h"
#include "cpu/pool_loop.h"

POOL_DECLARE_KERNELS(soft);

POOL_LOOP_INLINE void small_forward(const float *restrict x, size_t row, int c, int rows, int cols,
                                    float beta, float *restrict y)
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
            float d = a[i] - maximum, e = soft_term(d, beta);
            s += e;
            t += e * d;
        }
        y[ch] = soft_value(maximum, s, t);
    }
}

// Running values of a window of any size, for a block of channels.
struct block_sums {
    float maximum[POOL_CHANNEL_BLOCK], s[POOL_CHANNEL_BLOCK], t[POOL_CHANNEL_BLOCK];
};

static void sum_window(const float *x, const struct pool_patch *p, float beta, int n,
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
                float d = a[ch] - block->maximum[ch], e = soft_term(d, beta);
                block->s[ch] += e;
                block->t[ch] += e * d;
            }
        }
}

static int block_size(const struct pool_patch *p, int begin)
{
    return p->c - begin < POOL_CHANNEL_BLOCK ? p->c - begin : POOL_CHANNEL_BLOCK;
}

static void any_forward(const float *x, const struct pool_patch *p, float beta, float *y)
{
    for (int begin = 0; begin < p->c; begin += POOL_CHANNEL_BLOCK) {
        int n = block_size(p, begin);
        struct block_sums block;
        sum_window(x + begin, p, beta, n, &block);
        for (int ch = 0; ch < n; ch++)
            y[begin + ch] = soft_value(block.maximum[ch], block.s[ch], block.t[ch]);
    }
}

static void forward_row(const struct op_call *call, const struct pool_map *map, int64_t image,
                        int oh)
{
    const struct soft_args *args = map->args;
    const float *x = call->in[0]->data;
    float *y = call->out[0]->data, beta = (float)args->beta;
    for (int ow = 0; ow < map->ow; ow++) {
        struct pool_patch p = pool_patch_at(map, image, oh, ow);
        if (p.rows == 2 && p.cols == 2)
            small_forward(x + p.first, p.row, p.c, 2, 2, beta, y + p.out);
        else if (p.rows == 3 && p.cols == 3)
            small_forward(x + p.first, p.row, p.c, 3, 3, beta, y + p.out);
        else
            any_forward(x + p.first, &p, beta, y + p.out);
    }
}

enum status ISA_NAME(pool_soft_forward)(const struct op_call *call)
{
    return pool_run_forward(call, forward_row);
}

// Backward goes window by window, since an element's weight needs the whole window: gathering
// would take every exponential twice. A band walks over its windows in their order. The first
// window that contains an element stores, the others add: an element (r, q) of the kernel is new
// if r >= fresh_row and q >= fresh_col, which is beyond what the windows before it covered.
struct scatter {
    float beta, slope_beta;
    int row_begin, row_end; // of the window's rows inside the map: those that lie in the band
    int fresh_row, fresh_col;
};

POOL_LOOP_INLINE void small_backward(const float *restrict x, const float *restrict dy,
                                     float *restrict dx, size_t row, int c, int rows, int cols,
                                     const struct scatter *how, int fresh_row, int fresh_col)
{
    float beta = how->beta, slope_beta = how->slope_beta;
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
            e[i] = soft_term(d[i], beta);
            s += e[i];
            t += e[i] * d[i];
        }
        float inverse_s = 1.0f / s, mean_d = t * inverse_s, g = dy[ch] * inverse_s;
        POOL_UNROLL
        for (int i = 0; i < rows * cols; i++) {
            size_t at = (size_t)(i / cols) * row + (size_t)(i % cols) * (size_t)c + (size_t)ch;
            float value = soft_slope(e[i], d[i], mean_d, g, slope_beta);
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
        sum_window(x + begin, p, how->beta, n, &block);
        float mean_d[POOL_CHANNEL_BLOCK], g[POOL_CHANNEL_BLOCK];
        for (int ch = 0; ch < n; ch++) {
            mean_d[ch] = block.t[ch] / block.s[ch];
            g[ch] = dy[begin + ch] / block.s[ch];
        }
        for (int r = how->row_begin; r < how->row_end; r++)
            for (int q = 0; q < p->cols; q++) {
                size_t at = (size_t)r * p->row + (size_t)q * (size_t)p->c + (size_t)begin;
                const float *restrict a = x + at;
                float *restrict out = dx + at;
                bool is_fresh = p->top + r >= how->fresh_row && p->left + q >= how->fresh_col;
#pragma omp simd
                for (int ch = 0; ch < n; ch++) {
                    float d = a[ch] - block.maximum[ch], e = soft_term(d, how->beta);
                    float value = soft_slope(e, d, mean_d[ch], g[ch], how->slope_beta);
                    out[ch] = is_fresh ? value : out[ch] + value;
                }
            }
    }
}

static void backward_window(const float *x, const float *dy, float *dx, const struct pool_patch *p,
                            const struct scatter *how)
{
    bool is_all = how->row_begin == 0 && how->row_end == p->rows && p->top == 0 && p->left == 0;
    int size = is_all && p->rows == p->cols ? p->rows : 0;
    int fresh = how->fresh_row == how->fresh_col ? how->fresh_row : -1;
    if (size == 2 && fresh == 0)
        small_backward(x, dy, dx, p->row, p->c, 2, 2, how, 0, 0);
    else if (size == 2 && fresh >= 2)
        small_backward(x, dy, dx, p->row, p->c, 2, 2, how, 2, 2);
    else if (size == 3 && fresh == 1)
        small_backward(x, dy, dx, p->row, p->c, 3, 3, how, 1, 1);
    else if (size == 3 && fresh >= 3)
        small_backward(x, dy, dx, p->row, p->c, 3, 3, how, 3, 3);
    else
        any_backward(x, dy, dx, p, how);
}

static int larger(int a, int b)
{
    return a > b ? a : b;
}

static void backward_band(const struct op_backward_call *backward, const struct pool_map *map,
                          int64_t image, int begin, int end)
{
    const struct op_call *call = backward->forward;
    const struct soft_args *args = map->args;
    const struct window *win = &map->window;
    const float *x = call->in[0]->data, *dy = call->out[0]->grad;
    float *dx = call->in[0]->grad;
    bool adds = backward->beta[0] != 0.0f;
    struct scatter how = {.beta = (float)args->beta};
    how.slope_beta = args->grad == SOFT_EXACT ? how.beta : 0.0f;
    if (!adds) pool_zero_uncovered(map, image, begin, end, dx);
    int oh_begin, oh_end, unused;
    window_cover(begin, map->oh, win->kernel_h, win->stride_h, win->pad_begin_h, &oh_begin,
                 &unused);
    window_cover(end - 1, map->oh, win->kernel_h, win->stride_h, win->pad_begin_h, &unused,
                 &oh_end);
    for (int oh = oh_begin; oh < oh_end; oh++)
        for (int ow = 0; ow < map->ow; ow++) {
            struct pool_patch p = pool_patch_at(map, image, oh, ow);
            int first = oh * win->stride_h - win->pad_begin_h + p.top;
            how.row_begin = larger(begin - first, 0);
            how.row_end = first + p.rows > end ? end - first : p.rows;
            how.fresh_row = adds ? win->kernel_h : oh ? larger(win->kernel_h - win->stride_h, 0) : 0;
            how.fresh_col = adds ? win->kernel_w : ow ? larger(win->kernel_w - win->stride_w, 0) : 0;
            backward_window(x + p.first, dy + p.out, dx + p.first, &p, &how);
        }
}

enum status ISA_NAME(pool_soft_backward)(const struct op_backward_call *backward)
{
    return pool_run_backward(backward, backward_band);
}
