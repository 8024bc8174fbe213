#include "cpu/map_hot.h"
#include "cpu/vec_math.h"

struct span {
    int begin, end;
};

static size_t offset(const struct map_geometry *map, int h, int w)
{
    return ((size_t)h * (size_t)map->w + (size_t)w) * (size_t)map->c;
}

static size_t out_offset(const struct map_geometry *map, int oh, int ow)
{
    return ((size_t)oh * (size_t)map->ow + (size_t)ow) * (size_t)map->c;
}

static size_t tap_offset(const struct map_geometry *map, int row, int col)
{
    return ((size_t)row * (size_t)map->window.kernel_w + (size_t)col) * (size_t)map->c;
}

static void multiply_add(float *restrict y, const float *restrict a, const float *restrict b, int n)
{
    for (int ch = 0; ch < n; ch++) y[ch] = vec_fma(a[ch], b[ch], y[ch]);
}

void ISA_NAME(depthwise_row)(const struct map_geometry *map, const float *x, const float *w,
                             const float *bias, float *y, int oh)
{
    const struct window *win = &map->window;
    struct span r, q;
    int top = oh * win->stride_h - win->pad_begin_h;
    window_range(oh, map->h, win->kernel_h, win->stride_h, win->pad_begin_h, &r.begin, &r.end);
    for (int ow = 0; ow < map->ow; ow++) {
        int left = ow * win->stride_w - win->pad_begin_w;
        float *out = y + out_offset(map, oh, ow);
        window_range(ow, map->w, win->kernel_w, win->stride_w, win->pad_begin_w, &q.begin, &q.end);
        for (int ch = 0; ch < map->c; ch++) out[ch] = bias ? bias[ch] : 0.0f;
        for (int h = r.begin; h < r.end; h++)
            for (int v = q.begin; v < q.end; v++)
                multiply_add(out, x + offset(map, h, v), w + tap_offset(map, h - top, v - left),
                             map->c);
    }
}

void ISA_NAME(depthwise_dx_row)(const struct map_geometry *map, const float *dy, const float *w,
                                float *dx, bool adds, int h)
{
    const struct window *win = &map->window;
    struct span oh, ow;
    window_cover(h, map->oh, win->kernel_h, win->stride_h, win->pad_begin_h, &oh.begin, &oh.end);
    for (int v = 0; v < map->w; v++) {
        float *out = dx + offset(map, h, v);
        window_cover(v, map->ow, win->kernel_w, win->stride_w, win->pad_begin_w, &ow.begin,
                     &ow.end);
        if (!adds)
            for (int ch = 0; ch < map->c; ch++) out[ch] = 0.0f;
        for (int i = oh.begin; i < oh.end; i++)
            for (int j = ow.begin; j < ow.end; j++)
                multiply_add(out, dy + out_offset(map, i, j),
                             w + tap_offset(map, h + win->pad_begin_h - i * win->stride_h,
                                            v + win->pad_begin_w - j * win->stride_w),
                             map->c);
    }
}

void ISA_NAME(depthwise_dw_row)(const struct map_geometry *map, const float *x, const float *dy,
                                float *dw, float *dbias, int oh)
{
    const struct window *win = &map->window;
    struct span r, q;
    int top = oh * win->stride_h - win->pad_begin_h, c = map->c;
    size_t n_taps = tap_offset(map, win->kernel_h, 0);
    for (size_t i = 0; i < n_taps; i++) dw[i] = 0.0f;
    for (int ch = 0; ch < c; ch++) dbias[ch] = 0.0f;
    window_range(oh, map->h, win->kernel_h, win->stride_h, win->pad_begin_h, &r.begin, &r.end);
    for (int ow = 0; ow < map->ow; ow++) {
        int left = ow * win->stride_w - win->pad_begin_w;
        const float *g = dy + out_offset(map, oh, ow);
        window_range(ow, map->w, win->kernel_w, win->stride_w, win->pad_begin_w, &q.begin, &q.end);
        for (int ch = 0; ch < c; ch++) dbias[ch] += g[ch];
        for (int h = r.begin; h < r.end; h++)
            for (int v = q.begin; v < q.end; v++)
                multiply_add(dw + tap_offset(map, h - top, v - left), x + offset(map, h, v), g, c);
    }
}
