#include "cpu/map_hot.h"
#include "cpu/vec_math.h"

// Channels are taken in blocks whose running values stay in the first-level cache.
enum { BLOCK = 128 };

struct span {
    int begin, end;
};

static struct span span_of(int out, int in, int kernel, int stride, int pad)
{
    struct span s;
    window_range(out, in, kernel, stride, pad, &s.begin, &s.end);
    return s;
}

static size_t offset(const struct map_geometry *map, int h, int w)
{
    return ((size_t)h * (size_t)map->w + (size_t)w) * (size_t)map->c;
}

// One window, channels [begin, begin + n). Values are summed as distances from that with the
// largest weight, so that a constant window gives exactly its constant.
static void window_forward(const struct map_geometry *map, const struct weighted_rows *rows,
                           struct span r, struct span q, size_t out, int begin, int n)
{
    float m[BLOCK], base[BLOCK], s[BLOCK], t[BLOCK];
    size_t first = offset(map, r.begin, q.begin) + (size_t)begin;
    for (int ch = 0; ch < n; ch++) {
        m[ch] = rows->logits[first + (size_t)ch];
        base[ch] = rows->x[first + (size_t)ch];
        s[ch] = t[ch] = 0.0f;
    }
    for (int h = r.begin; h < r.end; h++)
        for (int w = q.begin; w < q.end; w++) {
            const float *restrict l = rows->logits + offset(map, h, w) + begin;
            const float *restrict x = rows->x + offset(map, h, w) + begin;
#pragma omp simd
            for (int ch = 0; ch < n; ch++) {
                base[ch] = l[ch] > m[ch] ? x[ch] : base[ch];
                m[ch] = l[ch] > m[ch] ? l[ch] : m[ch];
            }
        }
    for (int h = r.begin; h < r.end; h++)
        for (int w = q.begin; w < q.end; w++) {
            const float *restrict l = rows->logits + offset(map, h, w) + begin;
            const float *restrict x = rows->x + offset(map, h, w) + begin;
#pragma omp simd
            for (int ch = 0; ch < n; ch++) {
                float e = vec_expf(l[ch] - m[ch]);
                s[ch] += e;
                t[ch] = vec_fma(e, x[ch] - base[ch], t[ch]);
            }
        }
    for (int ch = 0; ch < n; ch++) rows->out[out + (size_t)ch] = base[ch] + t[ch] / s[ch];
    if (!rows->maximum) return;
    for (int ch = 0; ch < n; ch++) {
        rows->maximum[out + (size_t)ch] = m[ch];
        rows->inverse[out + (size_t)ch] = 1.0f / s[ch];
    }
}

void ISA_NAME(weighted_forward_row)(const struct map_geometry *map,
                                    const struct weighted_rows *rows, int oh)
{
    const struct window *win = &map->window;
    struct span r = span_of(oh, map->h, win->kernel_h, win->stride_h, win->pad_begin_h);
    for (int ow = 0; ow < map->ow; ow++) {
        struct span q = span_of(ow, map->w, win->kernel_w, win->stride_w, win->pad_begin_w);
        size_t out = ((size_t)oh * (size_t)map->ow + (size_t)ow) * (size_t)map->c;
        for (int begin = 0; begin < map->c; begin += BLOCK) {
            int n = map->c - begin < BLOCK ? map->c - begin : BLOCK;
            window_forward(map, rows, r, q, out + (size_t)begin, begin, n);
        }
    }
}

static void store(float *to, const float *values, bool adds, int n)
{
    for (int ch = 0; ch < n; ch++) to[ch] = adds ? to[ch] + values[ch] : values[ch];
}

void ISA_NAME(weighted_backward_row)(const struct map_geometry *map,
                                     const struct weighted_rows *rows, int h)
{
    const struct window *win = &map->window;
    struct span oh, ow;
    window_cover(h, map->oh, win->kernel_h, win->stride_h, win->pad_begin_h, &oh.begin, &oh.end);
    for (int w = 0; w < map->w; w++) {
        window_cover(w, map->ow, win->kernel_w, win->stride_w, win->pad_begin_w, &ow.begin,
                     &ow.end);
        for (int begin = 0; begin < map->c; begin += BLOCK) {
            int n = map->c - begin < BLOCK ? map->c - begin : BLOCK;
            size_t at = offset(map, h, w) + (size_t)begin;
            const float *restrict x = rows->x + at, *restrict l = rows->logits + at;
            float dx[BLOCK] = {0}, dl[BLOCK] = {0};
            for (int i = oh.begin; i < oh.end; i++)
                for (int j = ow.begin; j < ow.end; j++) {
                    size_t out =
                        ((size_t)i * (size_t)map->ow + (size_t)j) * (size_t)map->c + (size_t)begin;
                    const float *restrict dy = rows->dy + out, *restrict y = rows->y + out;
                    const float *restrict m = rows->maximum + out;
                    const float *restrict inverse = rows->inverse + out;
#pragma omp simd
                    for (int ch = 0; ch < n; ch++) {
                        float g = dy[ch] * (vec_expf(l[ch] - m[ch]) * inverse[ch]);
                        dx[ch] += g;
                        dl[ch] = vec_fma(g, x[ch] - y[ch], dl[ch]);
                    }
                }
            // x may be its own logits: both contributions go to one place, in this order.
            if (rows->dx) store(rows->dx + at, dx, rows->dx_adds, n);
            if (rows->dlogits) store(rows->dlogits + at, dl, rows->dlogits_adds, n);
        }
    }
}
