// SoftPool (Stergiou et al., ICCV 2021, eq. 1-2; beta = 1 there):
//     w_i = exp(beta a_i) / sum_j exp(beta a_j),  y = sum_i w_i a_i.
// Everything is written in distances to the window's maximum m, d_i = a_i - m <= 0:
//     e_i = exp(beta d_i),  s = sum e_i >= 1,  t = sum e_i d_i,  y = m + t / s.
// Nothing overflows, and a constant window gives exactly its constant.
#ifndef TARN_BACKBONE_POOL_SOFT_H
#define TARN_BACKBONE_POOL_SOFT_H

#include <stdbool.h>

#include "backbone/pool/view.h"

enum soft_grad { SOFT_EXACT, SOFT_DETACHED };

struct soft_args {
    double beta; // >= 0; where it is learned, its first value
    int grad;    // enum soft_grad
    bool learn_beta;
    int scope; // enum pool_scope
};

// The values that the kernels see: beta; what terms need of it, below; the factor of a_i - y in the
// gradient, 0 where the weights are held constant.
enum { SOFT_BETA, SOFT_LOG2, SOFT_LOWEST, SOFT_SLOPE, SOFT_N_VALUES };

struct soft_scale {
    lanes log2;   // e_i = 2^(d_i * log2)
    lanes lowest; // smaller d_i count as this one: e_i = 2^-125, where floats are about to end
};

BOTH_INLINE void soft_values(double beta, int grad, double *values)
{
    values[SOFT_BETA] = beta;
    values[SOFT_LOG2] = beta * 1.4426950408889634;
    values[SOFT_LOWEST] = values[SOFT_LOG2] > 1e-30 ? -125.0 / values[SOFT_LOG2] : -1e32;
    values[SOFT_SLOPE] = grad == SOFT_EXACT ? beta : 0.0;
}

POOL_INLINE lanes soft_distance(lanes a, lanes maximum, struct soft_scale scale) // d_i
{
    return lane_larger(scale.lowest, a - maximum); // NaN stays
}

POOL_INLINE lanes soft_term(lanes d, struct soft_scale scale) // e_i
{
    return lane_exp2_near(d * scale.log2);
}

POOL_INLINE lanes soft_value(lanes maximum, lanes s, lanes t) // y
{
    return maximum + t / s;
}

POOL_INLINE lanes soft_maximum(const lanes *a, int n)
{
    lanes maximum = a[0];
    POOL_UNROLL
    for (int i = 1; i < n; i++) maximum = lane_larger(a[i], maximum);
    return maximum;
}

POOL_INLINE lanes soft_forward(const lanes *a, int n, struct soft_scale scale)
{
    lanes maximum = soft_maximum(a, n), s = lane_all(0.0f), t = lane_all(0.0f);
    POOL_UNROLL
    for (int i = 0; i < n; i++) {
        lanes d = soft_distance(a[i], maximum, scale), e = soft_term(d, scale);
        s += e;
        t = lane_fma(e, d, t);
    }
    return soft_value(maximum, s, t);
}

// da_i = g w_i (1 + slope (a_i - y)), w_i alone where the weights are held constant: then slope is
// 0. a_i - y = d_i - mean_d, mean_d = t / s. Returns dy/dbeta = sum_i w_i (a_i - y)^2 where
// has_beta.
POOL_INLINE lanes soft_backward(const lanes *a, int n, struct soft_scale scale, lanes slope,
                                lanes g, bool has_beta, lanes *da)
{
    lanes maximum = soft_maximum(a, n), s = lane_all(0.0f), t = lane_all(0.0f);
    POOL_UNROLL
    for (int i = 0; i < n; i++) {
        lanes d = soft_distance(a[i], maximum, scale);
        da[i] = soft_term(d, scale); // e_i until its gradient follows
        s += da[i];
        t = lane_fma(da[i], d, t);
    }
    lanes inverse_s = lane_all(1.0f) / s, mean_d = t * inverse_s, g_s = g * inverse_s;
    lanes dbeta = lane_all(0.0f);
    POOL_UNROLL
    for (int i = 0; i < n; i++) {
        lanes away = soft_distance(a[i], maximum, scale) - mean_d, e = da[i];
        if (has_beta) dbeta = lane_fma(e * inverse_s * away, away, dbeta);
        da[i] = e * g_s * lane_fma(slope, away, lane_all(1.0f));
    }
    return dbeta;
}

BOTH_INLINE void soft_value_of(const void *args, int n_stored, const double *stored, double *value)
{
    (void)n_stored;
    soft_values(stored[0], ((const struct soft_args *)args)->grad, value);
}

BOTH_INLINE void soft_value_gradient(const void *args, int n_stored, const double *stored,
                                     const double *dvalue, double *dstored)
{
    (void)args, (void)n_stored, (void)stored;
    dstored[0] = dvalue[SOFT_BETA];
}

static inline void soft_form(const struct op_call *call, struct pool_value_form *form)
{
    const struct pool_op_args *op = (const struct pool_op_args *)call->args;
    form->n_stored = 1;
    form->n = SOFT_N_VALUES;
    form->constant = ((const struct soft_args *)op->args)->beta;
    form->value = soft_value_of;
    form->gradient = soft_value_gradient;
}

POOL_WINDOW_INLINE struct soft_scale soft_scale_of(const struct pool_view *v)
{
    struct soft_scale scale;
    scale.log2 = pool_value(v, SOFT_LOG2);
    scale.lowest = pool_value(v, SOFT_LOWEST);
    return scale;
}

POOL_WINDOW_INLINE lanes soft_y(const struct pool_view *v)
{
    return soft_forward(v->a, v->n, soft_scale_of(v));
}

POOL_WINDOW_INLINE void soft_dx(const struct pool_view *v, lanes g, lanes *da, lanes *dv)
{
    (void)dv;
    soft_backward(v->a, v->n, soft_scale_of(v), pool_value(v, SOFT_SLOPE), g, false, da);
}

POOL_WINDOW_INLINE void soft_dx_dbeta(const struct pool_view *v, lanes g, lanes *da, lanes *dv)
{
    lanes slope = pool_value(v, SOFT_SLOPE);
    dv[SOFT_BETA] += g * soft_backward(v->a, v->n, soft_scale_of(v), slope, g, true, da);
}

#endif
