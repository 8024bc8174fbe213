// Mixed max-average pooling (Lee, Gallagher, Tu, AISTATS 2016):
//     y = alpha max_i a_i + (1 - alpha) (1/n) sum_i a_i.
// The gradient of the maximum goes to the first one in row-major order.
#ifndef TARN_BACKBONE_POOL_MIXED_H
#define TARN_BACKBONE_POOL_MIXED_H

#include <stdbool.h>

#include "backbone/pool/avg.h"
#include "backbone/pool/max.h"

struct mixed_args {
    double alpha; // where it is learned, its first value
    bool learn_alpha;
    int scope; // enum pool_scope
};

struct mixed_parts {
    lanes maximum, place; // the maximum's element
    lanes mean;
};

POOL_INLINE struct mixed_parts mixed_parts_of(const lanes *a, int n, int cols)
{
    struct mixed_parts parts;
    parts.maximum = max_find(a, n, &parts.place);
    parts.mean = avg_sum(a, n, cols) / (float)n;
    return parts;
}

POOL_INLINE lanes mixed_value(const struct mixed_parts *parts, lanes alpha)
{
    return alpha * parts->maximum + (lane_all(1.0f) - alpha) * parts->mean;
}

// da_i where nothing else depends on a_i.
POOL_INLINE lanes mixed_slope(const struct mixed_parts *parts, lanes alpha, int i, int n)
{
    lane_mask is_maximum = lane_equal(parts->place, lane_all((float)i));
    return lane_select(is_maximum, alpha, lane_all(0.0f)) + (lane_all(1.0f) - alpha) / (float)n;
}

static inline void mixed_form(const struct op_call *call, struct pool_value_form *form)
{
    const struct pool_op_args *op = (const struct pool_op_args *)call->args;
    form->n_stored = form->n = 1;
    form->constant = ((const struct mixed_args *)op->args)->alpha;
}

POOL_WINDOW_INLINE lanes mixed_y(const struct pool_view *v)
{
    struct mixed_parts parts = mixed_parts_of(v->a, v->n, v->cols);
    return mixed_value(&parts, pool_value(v, 0));
}

POOL_WINDOW_INLINE void mixed_dx(const struct pool_view *v, lanes g, lanes *da, lanes *dv)
{
    struct mixed_parts parts = mixed_parts_of(v->a, v->n, v->cols);
    lanes alpha = pool_value(v, 0);
    dv[0] += g * (parts.maximum - parts.mean);
    POOL_UNROLL
    for (int i = 0; i < v->n; i++) da[i] = g * mixed_slope(&parts, alpha, i, v->n);
}

#endif
