#include "backbone/pool/max.h"

#include "backbone/pool/dispatch.h"
#include "cpu/pool_window.h"

POOL_DECLARE_KERNELS(max);

static const struct pool_needs needs = {.n_lanes = N_LANES};

// A byte holds a place in windows of up to 256 elements. For larger ones (the whole map) it is
// written but means nothing: backward looks for the maximum again.
static bool has_places(const struct pool_map *map)
{
    return (int64_t)map->window.kernel_h * map->window.kernel_w <= 256;
}

static void forward_rows(const struct op_call *call, const struct pool_map *map, int64_t image,
                         int begin, int end)
{
    pool_window_rows_y(call, map, image, begin, end, max_y);
}

enum status ISA_NAME(pool_max_forward)(const struct op_call *call)
{
    return pool_run_forward(call, &needs, forward_rows, 1);
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

// The maximum's element, row * p->cols + col, of a window too large for stored places.
static lanes find_maximum(const void *x, const struct pool_patch *p, int channel, int n_c,
                          bool is_bf16)
{
    size_t first = p->first + (size_t)channel;
    lanes maximum = pool_load(x, first, n_c, is_bf16), element = lane_all(0.0f);
    for (int i = 1; i < p->rows * p->cols; i++) {
        size_t at = (size_t)(i / p->cols) * p->row + (size_t)(i % p->cols) * (size_t)p->c;
        lanes a = pool_load(x, first + at, n_c, is_bf16);
        lane_mask replaces = max_replaces(a, maximum);
        maximum = lane_select(replaces, a, maximum);
        element = lane_select(replaces, lane_all((float)i), element);
    }
    return element;
}

// The band's rows get the gradients of maxima inside it.
static void backward_large(const struct op_backward_call *backward, const struct pool_map *map,
                           int64_t image, int begin, int end)
{
    const struct op_call *call = backward->forward;
    const struct window *win = &map->window;
    const float *dy = call->out[0]->grad;
    float *dx = call->in[0]->grad;
    size_t c = (size_t)map->c, row = (size_t)map->w * c;
    size_t top = (size_t)image * (size_t)map->h * row;
    if (backward->beta[0] == 0.0f)
        memset(dx + top + (size_t)begin * row, 0, (size_t)(end - begin) * row * sizeof *dx);
    for (int i = 0; i < map->oh * map->ow; i++) {
        int oh = i / map->ow;
        struct pool_row of_row = pool_row_at(map, image, oh);
        struct pool_patch p = pool_patch_at(map, &of_row, i % map->ow);
        int first = oh * win->stride_h - win->pad_begin_h + p.top;
        if (first >= end || first + p.rows <= begin) continue;
        for (int channel = 0; channel < p.c; channel += N_LANES) {
            int n_c = p.c - channel < N_LANES ? p.c - channel : N_LANES;
            lanes element = find_maximum(call->in[0]->data, &p, channel, n_c, map->is_bf16);
            for (int lane = 0; lane < n_c; lane++) {
                int r = (int)element[lane] / p.cols, q = (int)element[lane] % p.cols;
                size_t at = p.first + (size_t)r * p.row + (size_t)q * c + (size_t)(channel + lane);
                if (first + r >= begin && first + r < end)
                    dx[at] += dy[p.out + (size_t)(channel + lane)];
            }
        }
    }
}

enum status ISA_NAME(pool_max_backward)(const struct op_backward_call *backward)
{
    struct pool_map map = pool_map_of(backward->forward);
    return pool_run_backward(backward, &needs, has_places(&map) ? backward_band : backward_large,
                             16);
}
