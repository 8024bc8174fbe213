// The learned norm (Gulcehre, Cho, Pascanu, Bengio, 2014) and the un-normalised power average:
//     y = ( (1/n) sum_i |a_i|^p )^(1/p),   or without 1/n.
// With m = max |a_i|, u_i = |a_i| / m <= 1 and M = (1/n) sum u_i^p:
//     y = m M^(1/p),  dy/da_i = (1/n) sign(a_i) u_i^(p-1) M^((1-p)/p),
//     dy/dp = y (sum u_i^p ln u_i / (p sum u_i^p) - ln M / p^2).
// Nothing overflows but a sum itself, which ends at the largest float. All gradients are 0 where
// m = 0.
#ifndef TARN_BACKBONE_POOL_LP_H
#define TARN_BACKBONE_POOL_LP_H

#include <math.h>
#include <stdbool.h>

#include "backbone/pool/view.h"

#define LP_MAX_LEARNED 16.0 // p of a learned norm ends here

struct lp_args {
    double p; // where it is learned, its first value
    bool learn_p;
    bool normalize; // with 1/n
    int scope;      // enum pool_scope
};

enum { LP_P, LP_INVERSE_P, LP_N_VALUES };

#define LP_LEAST 1.17549435e-38f // u below this counts as this
#define LP_LARGEST 3.40282347e38f

POOL_INLINE lanes lp_size(const lanes *a, int n) // m
{
    lanes size = lane_abs(a[0]);
    POOL_UNROLL
    for (int i = 1; i < n; i++) size = lane_larger(lane_abs(a[i]), size);
    return size;
}

POOL_INLINE lanes lp_log2(lanes a, lanes size) // log2 of u
{
    return lane_log2(lane_larger(lane_all(LP_LEAST), lane_abs(a) / size));
}

// u^p; 0 at 0.
POOL_INLINE lanes lp_power(lanes a, lanes log2_u, lanes p)
{
    return lane_select(lane_equal(a, lane_all(0.0f)), lane_all(0.0f), lane_exp2(log2_u * p));
}

POOL_INLINE lanes lp_forward(const lanes *a, int n, lanes p, lanes inverse_p, float scale)
{
    lanes size = lp_size(a, n), sum = lane_all(0.0f), zero = lane_all(0.0f);
    POOL_UNROLL
    for (int i = 0; i < n; i++) sum += lp_power(a[i], lp_log2(a[i], size), p);
    lanes y = size * lane_exp2(inverse_p * lane_log2(sum * scale));
    y = lane_select(lane_greater(y, lane_all(LP_LARGEST)), lane_all(LP_LARGEST), y);
    return lane_select(lane_equal(size, zero), zero, y);
}

// Returns dy/dp.
POOL_INLINE lanes lp_backward(const lanes *a, int n, lanes p, lanes inverse_p, float scale,
                              lanes g, lanes *da)
{
    const lanes zero = lane_all(0.0f);
    lanes size = lp_size(a, n), sum = zero, log_sum = zero;
    POOL_UNROLL
    for (int i = 0; i < n; i++) {
        da[i] = lp_log2(a[i], size); // until the gradient follows
        lanes power = lp_power(a[i], da[i], p);
        sum += power;
        log_sum = lane_fma(power, da[i], log_sum);
    }
    lanes log_mean = lane_log2(sum * scale);
    lanes factor = g * scale * lane_exp2(log_mean * (lane_all(1.0f) - p) * inverse_p);
    lane_mask is_zero = lane_equal(size, zero);
    factor = lane_select(is_zero, zero, factor);
    POOL_UNROLL
    for (int i = 0; i < n; i++) {
        lanes slope = factor * lane_exp2(da[i] * (p - 1.0f));
        slope = lane_select(lane_greater(zero, a[i]), -slope, slope);
        da[i] = lane_select(lane_equal(a[i], zero), zero, slope);
    }
    lanes y = size * lane_exp2(inverse_p * log_mean);
    lanes by_p = (log_sum / sum - log_mean * inverse_p) * inverse_p * 0.693147181f;
    return lane_select(is_zero, zero, y * by_p);
}

BOTH_INLINE double lp_p_of(double rho) // 1 + log(1 + e^rho)
{
    return 1.0 + (rho > 30.0 ? rho : log1p(exp(rho)));
}

// Stored is rho, or p where it is fixed.
BOTH_INLINE void lp_value_of(const void *args, int n_stored, const double *stored, double *value)
{
    (void)n_stored;
    double p = stored[0];
    if (((const struct lp_args *)args)->learn_p) p = fmin(lp_p_of(p), LP_MAX_LEARNED);
    value[LP_P] = p;
    value[LP_INVERSE_P] = 1.0 / p;
}

BOTH_INLINE void lp_value_gradient(const void *args, int n_stored, const double *stored,
                                   const double *dvalue, double *dstored)
{
    (void)args, (void)n_stored;
    bool is_at_end = lp_p_of(stored[0]) > LP_MAX_LEARNED;
    dstored[0] = is_at_end ? 0.0 : dvalue[LP_P] / (1.0 + exp(-stored[0]));
}

static inline void lp_form(const struct op_call *call, struct pool_value_form *form)
{
    const struct pool_op_args *op = (const struct pool_op_args *)call->args;
    form->n_stored = 1;
    form->n = LP_N_VALUES;
    form->constant = ((const struct lp_args *)op->args)->p;
    form->value = lp_value_of;
    form->gradient = lp_value_gradient;
}

POOL_WINDOW_INLINE float lp_scale(const struct pool_view *v)
{
    return POOL_ARGS(v, lp_args)->normalize ? 1.0f / (float)v->n : 1.0f;
}

POOL_WINDOW_INLINE lanes lp_y(const struct pool_view *v)
{
    return lp_forward(v->a, v->n, pool_value(v, LP_P), pool_value(v, LP_INVERSE_P), lp_scale(v));
}

POOL_WINDOW_INLINE void lp_dx(const struct pool_view *v, lanes g, lanes *da, lanes *dv)
{
    dv[LP_P] += g * lp_backward(v->a, v->n, pool_value(v, LP_P), pool_value(v, LP_INVERSE_P),
                                lp_scale(v), g, da);
}

#endif
