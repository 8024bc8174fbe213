// Stochastic pooling (Zeiler, Fergus, ICLR 2013), for elements that are not negative (after ReLU);
// negative ones are never drawn. With p_i = a_i / S, S = sum_j a_j:
//     training: y = a_i with probability p_i, drawn for each window and channel of each image; the
//     gradient goes to the element drawn;  inference: y = sum_i p_i a_i, dy/da_i = (2 a_i - y) / S.
// A window without a positive element gives 0.
#ifndef TARN_BACKBONE_POOL_STOCHASTIC_H
#define TARN_BACKBONE_POOL_STOCHASTIC_H

#include <stdint.h>

#include "backbone/pool/view.h"
#include "nn/pool_random.h"

enum { STOCHASTIC_PROB, STOCHASTIC_SAMPLE }; // eval

struct stochastic_args {
    int eval;
    int64_t seed;
};

struct stochastic_sums {
    lanes unit; // 1 / largest element, so that sums can neither overflow nor vanish
    lanes sum;  // of the positive elements, in units
};

POOL_INLINE lanes stochastic_part(lanes a, lanes unit) // p_i S, in units
{
    return lane_select(lane_greater(lane_all(0.0f), a), lane_all(0.0f), a) * unit;
}

POOL_INLINE struct stochastic_sums stochastic_sums_of(const lanes *a, int n)
{
    struct stochastic_sums sums = {lane_all(0x1p-120f), lane_all(0.0f)};
    POOL_UNROLL
    for (int i = 0; i < n; i++) sums.unit = lane_larger(a[i], sums.unit);
    sums.unit = lane_all(1.0f) / sums.unit;
    POOL_UNROLL
    for (int i = 0; i < n; i++) sums.sum += stochastic_part(a[i], sums.unit);
    return sums;
}

// The number of the drawn element for `uniform` in [0, 1); -1 where none is positive.
POOL_INLINE lanes stochastic_draw(const lanes *a, int n, lanes uniform)
{
    struct stochastic_sums sums = stochastic_sums_of(a, n);
    lanes threshold = uniform * sums.sum, before = lane_all(0.0f), drawn = lane_all(-1.0f);
    // The last element with a share whose predecessors' sum does not exceed the threshold.
    POOL_UNROLL
    for (int i = 0; i < n; i++) {
        lane_mask is_far = lane_greater(before, threshold);
        lane_mask can_be = lane_both(lane_not(is_far), lane_greater(a[i], lane_all(0.0f)));
        drawn = lane_select(can_be, lane_all((float)i), drawn);
        before += stochastic_part(a[i], sums.unit);
    }
    return drawn;
}

POOL_INLINE lanes stochastic_mean(const lanes *a, int n, const struct stochastic_sums *sums)
{
    const lanes zero = lane_all(0.0f);
    lanes inverse = lane_all(1.0f) / sums->sum, y = zero;
    POOL_UNROLL
    for (int i = 0; i < n; i++)
        y = lane_fma(stochastic_part(a[i], sums->unit) * inverse, a[i], y);
    return lane_select(lane_equal(sums->sum, zero), zero, y);
}

POOL_INLINE void stochastic_mean_backward(const lanes *a, int n, lanes g, lanes *da)
{
    const lanes zero = lane_all(0.0f);
    struct stochastic_sums sums = stochastic_sums_of(a, n);
    lanes y = stochastic_mean(a, n, &sums) * sums.unit, factor = g / sums.sum;
    POOL_UNROLL
    for (int i = 0; i < n; i++) {
        lanes slope = factor * (stochastic_part(a[i], sums.unit) * 2.0f - y);
        da[i] = lane_select(lane_greater(a[i], zero), slope, zero);
    }
}

// The mean, and its gradient.
POOL_WINDOW_INLINE lanes stochastic_mean_y(const struct pool_view *v)
{
    struct stochastic_sums sums = stochastic_sums_of(v->a, v->n);
    return stochastic_mean(v->a, v->n, &sums);
}

POOL_WINDOW_INLINE void stochastic_mean_dx(const struct pool_view *v, lanes g, lanes *da,
                                           lanes *dv)
{
    (void)dv;
    stochastic_mean_backward(v->a, v->n, g, da);
}

// The element drawn for these uniform numbers, and its gradient.
POOL_WINDOW_INLINE lanes stochastic_drawn_y(const struct pool_view *v, lanes uniform)
{
    lanes drawn = stochastic_draw(v->a, v->n, uniform), y = lane_all(0.0f);
    POOL_UNROLL
    for (int i = 0; i < v->n; i++)
        y = lane_select(lane_equal(drawn, lane_all((float)i)), v->a[i], y);
    return y;
}

// Draws again what forward drew: that costs less than memory for the places.
POOL_WINDOW_INLINE void stochastic_drawn_dx(const struct pool_view *v, lanes uniform, lanes g,
                                            lanes *da)
{
    lanes drawn = stochastic_draw(v->a, v->n, uniform);
    POOL_UNROLL
    for (int i = 0; i < v->n; i++)
        da[i] = lane_select(lane_equal(drawn, lane_all((float)i)), g, lane_all(0.0f));
}

static inline bool stochastic_draws(const struct op_call *call)
{
    const struct pool_op_args *op = (const struct pool_op_args *)call->args;
    return call->training || ((const struct stochastic_args *)op->args)->eval == STOCHASTIC_SAMPLE;
}

#endif
