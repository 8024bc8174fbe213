// Ordinal pooling (Kumar 2018; Deliege et al. 2019): a learned weight for each rank of the window,
//     y = sum_r w_r a_(r) / sum_r w_r,  a_(0) >= a_(1) >= ...,
// with dy/da of rank r = w_r / sum w and dy/dw_r = (a_(r) - y) / sum w. A window with fewer
// elements than the kernel (at the map's border) takes the weights of the first ranks; where those
// are all 0 it is the average. Equal elements are ranked in row-major order.
#ifndef TARN_BACKBONE_POOL_ORDINAL_H
#define TARN_BACKBONE_POOL_ORDINAL_H

#include <math.h>
#include <stdbool.h>

#include "backbone/pool/view.h"

enum { ORDINAL_AVG, ORDINAL_MAX, ORDINAL_RANDOM }; // init
enum { ORDINAL_PROJECT, ORDINAL_SOFTMAX };         // constraint

struct ordinal_args {
    int init, constraint;
    int scope; // enum pool_scope
};

enum { ORDINAL_MAX_KERNEL = 16, ORDINAL_MAX_ELEMENTS = ORDINAL_MAX_KERNEL * ORDINAL_MAX_KERNEL };

// rank[i] of every element, as a float.
POOL_INLINE void ordinal_ranks(const lanes *a, int n, lanes *rank)
{
    const lanes zero = lane_all(0.0f), one = lane_all(1.0f);
    POOL_UNROLL
    for (int i = 0; i < n; i++) rank[i] = zero;
    POOL_UNROLL
    for (int i = 1; i < n; i++) {
        POOL_UNROLL
        for (int j = 0; j < i; j++) {
            lane_mask goes_before = lane_greater(a[i], a[j]);
            rank[i] += lane_select(goes_before, zero, one);
            rank[j] += lane_select(goes_before, one, zero);
        }
    }
}

BOTH_INLINE double ordinal_largest(int n, const double *stored)
{
    double largest = stored[0];
    for (int k = 1; k < n; k++) largest = fmax(largest, stored[k]);
    return largest;
}

// With softmax the exponentials alone: windows divide by the sum of those that they need.
BOTH_INLINE void ordinal_value_of(const void *args, int n, const double *stored, double *value)
{
    bool is_softmax = ((const struct ordinal_args *)args)->constraint == ORDINAL_SOFTMAX;
    double largest = is_softmax ? ordinal_largest(n, stored) : 0.0;
    for (int k = 0; k < n; k++)
        value[k] = is_softmax ? exp(stored[k] - largest) : fmax(stored[k], 0.0);
}

BOTH_INLINE void ordinal_value_gradient(const void *args, int n, const double *stored,
                                        const double *dvalue, double *dstored)
{
    bool is_softmax = ((const struct ordinal_args *)args)->constraint == ORDINAL_SOFTMAX;
    double largest = is_softmax ? ordinal_largest(n, stored) : 0.0;
    for (int k = 0; k < n; k++) {
        double by_value = stored[k] >= 0.0 ? 1.0 : 0.0;
        if (is_softmax) by_value = exp(stored[k] - largest);
        dstored[k] = by_value * dvalue[k];
    }
}

static inline void ordinal_form(const struct op_call *call, struct pool_value_form *form)
{
    const struct pool_op_args *op = (const struct pool_op_args *)call->args;
    form->n_stored = form->n = op->window.kernel_h * op->window.kernel_w;
    form->value = ordinal_value_of;
    form->gradient = ordinal_value_gradient;
}

struct ordinal_result {
    lanes inverse_sum, y;
    lane_mask is_empty; // weights of this window's ranks are all 0
};

// share[i]: the weight of element i divided by the sum.
POOL_WINDOW_INLINE struct ordinal_result ordinal_run(const struct pool_view *v,
                                                     const lanes *rank, lanes *share)
{
    const lanes zero = lane_all(0.0f);
    struct ordinal_result result;
    result.y = zero;
    lanes sum = zero;
    POOL_UNROLL
    for (int r = 0; r < v->n; r++) sum += pool_value(v, r);
    result.is_empty = lane_equal(sum, zero);
    result.inverse_sum = lane_select(result.is_empty, zero, lane_all(1.0f) / sum);
    lanes equal_share = lane_select(result.is_empty, lane_all(1.0f / (float)v->n), zero);
    POOL_UNROLL
    for (int i = 0; i < v->n; i++) {
        lanes weight = zero;
        POOL_UNROLL
        for (int r = 0; r < v->n; r++) {
            lane_mask is_here = lane_equal(rank[i], lane_all((float)r));
            weight = lane_select(is_here, pool_value(v, r), weight);
        }
        share[i] = lane_fma(weight, result.inverse_sum, equal_share);
        result.y = lane_fma(share[i], v->a[i], result.y);
    }
    return result;
}

POOL_WINDOW_INLINE lanes ordinal_y(const struct pool_view *v)
{
    POOL_WORK(v, 0, rank, ORDINAL_MAX_ELEMENTS);
    POOL_WORK(v, 1, share, ORDINAL_MAX_ELEMENTS);
    ordinal_ranks(v->a, v->n, rank);
    return ordinal_run(v, rank, share).y;
}

POOL_WINDOW_INLINE void ordinal_dx(const struct pool_view *v, lanes g, lanes *da, lanes *dv)
{
    POOL_WORK(v, 0, rank, ORDINAL_MAX_ELEMENTS);
    ordinal_ranks(v->a, v->n, rank);
    struct ordinal_result result = ordinal_run(v, rank, da);
    lanes factor = g * result.inverse_sum;
    POOL_UNROLL
    for (int i = 0; i < v->n; i++) {
        da[i] *= g;
        lanes dw = factor * (v->a[i] - result.y);
        POOL_UNROLL
        for (int r = 0; r < v->n; r++) {
            lane_mask is_here = lane_equal(rank[i], lane_all((float)r));
            dv[r] += lane_select(is_here, dw, lane_all(0.0f));
        }
    }
}

#endif
