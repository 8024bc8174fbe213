#include "backbone/pool/max.h"

#include "backbone/pool/dispatch.h"
#include "cpu/pool_loop.h"

POOL_DECLARE_KERNELS(max);

// A byte holds a place in windows of up to 256 elements. For larger ones (the whole map) it is
// written but means nothing: backward looks for the maximum again.
static bool has_places(const struct pool_map *map)
{
    return (int64_t)map->window.kernel_h * map->window.kernel_w <= 256;
}

// A whole window of constant size, all channels.
POOL_LOOP_INLINE void small_window(const float *restrict x, size_t row, int c, int rows, int cols,
                                   float *restrict y, uint8_t *restrict place, bool has_place)
{
#pragma omp simd
    for (int ch = 0; ch < c; ch++) {
        float maximum = x[ch];
        int best = 0;
        POOL_UNROLL
        for (int i = 1; i < rows * cols; i++) {
            float a = x[(size_t)(i / cols) * row + (size_t)(i % cols) * (size_t)c + (size_t)ch];
            bool replaces = max_replaces(a, maximum);
            maximum = replaces ? a : maximum;
            best = replaces ? i : best;
        }
        y[ch] = maximum;
        if (has_place) place[ch] = (uint8_t)best;
    }
}

struct block_max {
    POOL_ALIGNED float value[POOL_CHANNEL_BLOCK];
    POOL_ALIGNED int32_t place[POOL_CHANNEL_BLOCK]; // row * kernel_w + col in the kernel
};

static void scan_window(const float *x, const struct pool_patch *p, int kernel_w, int n,
                        struct block_max *block)
{
    for (int ch = 0; ch < n; ch++) {
        block->value[ch] = x[ch];
        block->place[ch] = p->top * kernel_w + p->left;
    }
    for (int r = 0; r < p->rows; r++)
        for (int q = 0; q < p->cols; q++) {
            const float *a = x + (size_t)r * p->row + (size_t)q * (size_t)p->c;
            int32_t place = (p->top + r) * kernel_w + p->left + q;
#pragma omp simd
            for (int ch = 0; ch < n; ch++) {
                bool replaces = max_replaces(a[ch], block->value[ch]);
                block->value[ch] = replaces ? a[ch] : block->value[ch];
                block->place[ch] = replaces ? place : block->place[ch];
            }
        }
}

static void any_window(const float *x, const struct pool_patch *p, int kernel_w, float *y,
                       uint8_t *place)
{
    for (int begin = 0; begin < p->c; begin += POOL_CHANNEL_BLOCK) {
        int n = p->c - begin < POOL_CHANNEL_BLOCK ? p->c - begin : POOL_CHANNEL_BLOCK;
        struct block_max block;
        scan_window(x + begin, p, kernel_w, n, &block);
        for (int ch = 0; ch < n; ch++) y[begin + ch] = block.value[ch];
        for (int ch = 0; place && ch < n; ch++) place[begin + ch] = (uint8_t)block.place[ch];
    }
}

static void forward_row(const struct op_call *call, const struct pool_map *map, int64_t image,
                        int oh)
{
    const float *x = call->in[0]->data;
    float *y = call->out[0]->data;
    uint8_t *places = call->n_out > 1 ? call->out[1]->data : NULL;
    int kernel_h = map->window.kernel_h, kernel_w = map->window.kernel_w;
    struct pool_stream_buffer buffer;
    struct pool_row row = pool_row_at(map, image, oh);
    for (int ow = 0; ow < map->ow; ow++) {
        struct pool_patch p = pool_patch_at(map, &row, ow);
        const float *a = x + p.first;
        if (map->y_streams) pool_prefetch(map, &p, x);
        float *out = map->y_streams ? buffer.values : y + p.out;
        uint8_t *place = !places ? NULL : map->y_streams ? buffer.bytes : places + p.out;
        bool is_whole = p.rows == kernel_h && p.cols == kernel_w;
        if (is_whole && kernel_h == 3 && kernel_w == 3 && place)
            small_window(a, p.row, p.c, 3, 3, out, place, true);
        else if (is_whole && kernel_h == 3 && kernel_w == 3)
            small_window(a, p.row, p.c, 3, 3, out, NULL, false);
        else if (is_whole && kernel_h == 2 && kernel_w == 2 && place)
            small_window(a, p.row, p.c, 2, 2, out, place, true);
        else if (is_whole && kernel_h == 2 && kernel_w == 2)
            small_window(a, p.row, p.c, 2, 2, out, NULL, false);
        else
            any_window(a, &p, kernel_w, out, place);
        if (map->y_streams) {
            stream_copy(y + p.out, buffer.values, (size_t)p.c * sizeof(float));
            if (places) stream_copy(places + p.out, buffer.bytes, (size_t)p.c);
        }
    }
    if (map->y_streams) stream_end();
}

static void forward_rows(const struct op_call *call, const struct pool_map *map, int64_t image,
                         int begin, int end)
{
    for (int oh = begin; oh < end; oh++) forward_row(call, map, image, oh);
}

enum status ISA_NAME(pool_max_forward)(const struct op_call *call)
{
    return pool_run_forward(call, forward_rows, 1);
}

struct gradients {
    const float *dy;
    const uint8_t *places;
    float *dx;
    bool adds;
};

POOL_LOOP_INLINE void gather_with(const struct gradients *g, const struct pool_map *map,
                                  const struct pool_pixel *p, int n_oh, int n_ow, bool adds,
                                  float *restrict dx)
{
    const struct window *win = &map->window;
    const float *restrict dy = g->dy + p->out;
    const uint8_t *restrict places = g->places + p->out;
    size_t c = (size_t)map->c, out_row = (size_t)map->ow * c;
#pragma omp simd
    for (size_t ch = 0; ch < c; ch++) {
        float sum = adds ? dx[ch] : 0.0f;
        POOL_UNROLL
        for (int i = 0; i < n_oh * n_ow; i++) {
            int r = i / n_ow, q = i % n_ow;
            int place = (p->row - r * win->stride_h) * win->kernel_w + p->col - q * win->stride_w;
            size_t at = (size_t)r * out_row + (size_t)q * c + ch;
            sum += places[at] == place ? dy[at] : 0.0f;
        }
        dx[ch] = sum;
    }
}

POOL_LOOP_INLINE void gather(const void *context, const struct pool_map *map,
                             const struct pool_pixel *pixel, int n_oh, int n_ow)
{
    const struct gradients *g = context;
    float *dx = g->dx + pixel->in;
    POOL_ALIGNED float buffer[POOL_MAX_STREAM_CHANNELS];
    if (g->adds) {
        gather_with(g, map, pixel, n_oh, n_ow, true, dx);
    } else if (map->dx_streams) {
        gather_with(g, map, pixel, n_oh, n_ow, false, buffer);
        stream_copy(dx, buffer, (size_t)map->c * sizeof(float));
    } else {
        gather_with(g, map, pixel, n_oh, n_ow, false, dx);
    }
}

static void backward_band(const struct op_backward_call *backward, const struct pool_map *map,
                          int64_t image, int begin, int end)
{
    const struct op_call *call = backward->forward;
    struct gradients g = {.dy = call->out[0]->grad,
                          .places = call->out[1]->data,
                          .dx = call->in[0]->grad,
                          .adds = backward->beta[0] != 0.0f};
    pool_gather_band(map, image, begin, end, gather, &g);
    if (map->dx_streams) stream_end();
}

// Windows too large for stored places: the band's rows get the gradients of maxima inside it.
static void backward_large(const struct op_backward_call *backward, const struct pool_map *map,
                           int64_t image, int begin, int end)
{
    const struct op_call *call = backward->forward;
    const struct window *win = &map->window;
    const float *x = call->in[0]->data, *dy = call->out[0]->grad;
    float *dx = call->in[0]->grad;
    size_t c = (size_t)map->c, row = (size_t)map->w * c;
    size_t top = (size_t)image * (size_t)map->h * row;
    if (backward->beta[0] == 0.0f)
        for (size_t i = top + (size_t)begin * row; i < top + (size_t)end * row; i++) dx[i] = 0.0f;
    for (int i = 0; i < map->oh * map->ow; i++) {
        int oh = i / map->ow, ow = i % map->ow;
        struct pool_row of_row = pool_row_at(map, image, oh);
        struct pool_patch p = pool_patch_at(map, &of_row, ow);
        int first = oh * win->stride_h - win->pad_begin_h;
        if (first >= end || first + win->kernel_h <= begin) continue;
        for (int from = 0; from < p.c; from += POOL_CHANNEL_BLOCK) {
            int n = p.c - from < POOL_CHANNEL_BLOCK ? p.c - from : POOL_CHANNEL_BLOCK;
            struct block_max block;
            scan_window(x + p.first + from, &p, win->kernel_w, n, &block);
            for (int ch = 0; ch < n; ch++) {
                int h = first + block.place[ch] / win->kernel_w;
                int w = ow * win->stride_w - win->pad_begin_w + block.place[ch] % win->kernel_w;
                size_t at = (size_t)(from + ch);
                if (h >= begin && h < end)
                    dx[top + (size_t)h * row + (size_t)w * c + at] += dy[p.out + at];
            }
        }
    }
}

enum status ISA_NAME(pool_max_backward)(const struct op_backward_call *backward)
{
    struct pool_map map = pool_map_of(backward->forward);
    return pool_run_backward(backward, has_places(&map) ? backward_band : backward_large, 16);
}
