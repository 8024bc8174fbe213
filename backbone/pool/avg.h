// Average and sum pooling: y = sum a_i / n over the elements inside the map, or without / n.
#ifndef TARN_BACKBONE_POOL_AVG_H
#define TARN_BACKBONE_POOL_AVG_H

#include <stdbool.h>

#include "backbone/pool/view.h"

enum { AVG_MEAN, AVG_SUM }; // pool_def.form

struct avg_args { // of the mean
    bool count_include_pad; // n counts the padding that a window covers, as PyTorch's default
};

// Elements of one axis that a window counts: those of [begin, end), and with padding those of the
// kernel that do not lie behind the padding's end.
BOTH_INLINE int avg_count(int out, int in, int kernel, int stride, int pad_begin, int pad_end,
                          bool count_include_pad)
{
    int first = out * stride - pad_begin, last = first + kernel;
    if (count_include_pad) {
        if (last > in + pad_end) last = in + pad_end;
    } else {
        if (first < 0) first = 0;
        if (last > in) last = in;
    }
    return last - first;
}

// Of a large window rows are summed on their own, so that rounding does not grow with its area.
POOL_INLINE lanes avg_sum(const lanes *a, int n, int cols)
{
    lanes total = lane_all(0.0f);
    if (n <= 9) {
        POOL_UNROLL
        for (int i = 0; i < n; i++) total += a[i];
        return total;
    }
    for (int i = 0; i < n; i += cols) {
        lanes sum = lane_all(0.0f);
        for (int q = 0; q < cols; q++) sum += a[i + q];
        total += sum;
    }
    return total;
}

// What the window (oh, ow) divides by.
POOL_WINDOW_INLINE int avg_divisor(const struct pool_map *map, int oh, int ow)
{
    const struct window *w = &map->window;
    if (map->form == AVG_SUM) return 1;
    bool counts_padding = ((const struct avg_args *)(const void *)map->args)->count_include_pad;
    return avg_count(oh, map->h, w->kernel_h, w->stride_h, w->pad_begin_h, w->pad_end_h,
                     counts_padding) *
           avg_count(ow, map->w, w->kernel_w, w->stride_w, w->pad_begin_w, w->pad_end_w,
                     counts_padding);
}

POOL_WINDOW_INLINE lanes avg_y(const struct pool_view *v)
{
    return avg_sum(v->a, v->n, v->cols) / (float)avg_divisor(v->map, v->oh, v->ow);
}

#endif
