// SoftPool for windows that overlap. The terms e_i of an element differ between two windows only by
// the maximum that is subtracted. Where one reference serves all windows of a region, every
// exponential is taken once, not once for each window.
#ifndef TARN_BACKBONE_POOL_SOFT_STRIP_HOT_H
#define TARN_BACKBONE_POOL_SOFT_STRIP_HOT_H

#include <stdbool.h>

#include "backbone/pool/soft.h"
#include "cpu/isa.h"
#include "cpu/pool_loop.h"

// Rows of windows, and rows of the input gradient, that one call handles. Fixed, so that results do
// not depend on the number of threads.
enum { SOFT_STRIP_OUT_ROWS = 32, SOFT_STRIP_IN_ROWS = 64 };

// Whether the functions below handle these windows: two or three elements each way, overlapping,
// without gaps.
static inline bool soft_strip_fits(const struct pool_map *map)
{
    const struct window *w = &map->window;
    return w->kernel_h >= 2 && w->kernel_h <= 3 && w->kernel_w >= 2 && w->kernel_w <= 3 &&
           w->stride_h <= w->kernel_h && w->stride_w <= w->kernel_w &&
           (w->stride_h < w->kernel_h || w->stride_w < w->kernel_w);
}

// All results of window rows [begin, end) of one image, or of rows [begin, end) of its gradient.
// False: some window lies too far from its region's reference for float, and what was written
// must be computed in another way.
ISA_DECLARE(bool, soft_strip_forward,
            (const struct pool_map *map, int64_t image, const void *x, void *y, int begin,
             int end));
ISA_DECLARE(bool, soft_strip_backward,
            (const struct pool_map *map, int64_t image, const void *x, const float *dy, float *dx,
             int begin, int end));

#endif
