// adaPool (Stergiou, Poppe, IEEE TIP 2023): y = beta D + (1 - beta) S with SoftPool's S (soft.h)
// and eDSCW, an average weighted by the exponential of the Dice-Sorensen coefficient of each
// element and the window's mean m:
//     c_i = 2 |a_i m| / (a_i^2 + m^2),  w_i = exp(c_i) / sum_j exp(c_j),  D = sum_i w_i a_i.
// c is 0 where a_i = m = 0. With r = smaller / larger of |a_i| and |m|: c = 2 r / (1 + r^2), so
// nothing overflows.
#ifndef TARN_BACKBONE_POOL_ADA_H
#define TARN_BACKBONE_POOL_ADA_H

#include "backbone/pool/soft.h"

enum { ADA_EXACT, ADA_DETACHED };

struct ada_args {
    double beta; // where it is learned, its first value
    int grad;
    bool learn_beta;
    int scope; // enum pool_scope
};

POOL_INLINE struct soft_scale ada_scale(void) // SoftPool's at beta = 1
{
    struct soft_scale scale;
    scale.log2 = lane_all(1.44269504f);
    scale.lowest = lane_all(-125.0f / 1.44269504f);
    return scale;
}

struct ada_term {
    lanes larger;         // of |a_i| and |m|
    lanes ratio;          // r
    lane_mask is_larger;  // |a_i| > |m|
    lanes e;              // exp(c_i)
};

POOL_INLINE struct ada_term ada_term_of(lanes a, lanes mean)
{
    struct ada_term term;
    lanes size = lane_abs(a), mean_size = lane_abs(mean), zero = lane_all(0.0f);
    term.is_larger = lane_greater(size, mean_size);
    term.larger = lane_select(term.is_larger, size, mean_size);
    lanes smaller = lane_select(term.is_larger, mean_size, size);
    term.ratio = lane_select(lane_equal(term.larger, zero), zero, smaller / term.larger);
    lanes c = term.ratio * 2.0f / lane_fma(term.ratio, term.ratio, lane_all(1.0f));
    term.e = lane_exp2_near(c * 1.44269504f);
    return term;
}

POOL_INLINE lanes ada_mean(const lanes *a, int n)
{
    lanes mean = lane_all(0.0f);
    float share = 1.0f / (float)n; // first, so that the sum cannot overflow
    POOL_UNROLL
    for (int i = 0; i < n; i++) mean = lane_fma(a[i], lane_all(share), mean);
    return mean;
}

// D; *sum: of exp(c_i).
POOL_INLINE lanes ada_dice(const lanes *a, int n, lanes mean, lanes *sum)
{
    lanes weighted = lane_all(0.0f);
    *sum = lane_all(0.0f);
    POOL_UNROLL
    for (int i = 0; i < n; i++) {
        lanes e = ada_term_of(a[i], mean).e;
        *sum += e;
        weighted = lane_fma(e * (1.0f / (float)n), a[i], weighted);
    }
    return weighted / (*sum * (1.0f / (float)n));
}

POOL_INLINE lanes ada_forward(const lanes *a, int n, lanes beta)
{
    lanes sum, dice = ada_dice(a, n, ada_mean(a, n), &sum);
    lanes soft = soft_forward(a, n, ada_scale());
    return beta * dice + (lane_all(1.0f) - beta) * soft;
}

// The part of D, added to da. Exact: with d_i = w_i (a_i - D), A = |a_i|, M = |m|,
// k = 2 (1 - r^2) / ((1 + r^2)^2 max(A, M)): dc/dA = k where A < M, else -r k; dc/dM the other.
POOL_INLINE void ada_dice_backward(const lanes *a, int n, lanes mean, lanes sum, lanes dice,
                                   lanes g, bool is_exact, lanes *da)
{
    const lanes zero = lane_all(0.0f), one = lane_all(1.0f);
    lanes by_mean = zero;
    POOL_UNROLL
    for (int i = 0; i < n; i++) {
        struct ada_term term = ada_term_of(a[i], mean);
        lanes w = term.e / sum;
        da[i] = lane_fma(g, w, da[i]);
        if (!is_exact) continue;
        lanes square = term.ratio * term.ratio, near = one + square;
        lanes away = w * ((a[i] - dice) / term.larger); // of size 1
        away = lane_select(lane_equal(term.larger, zero), zero, away);
        lanes k = away * 2.0f * (one - square) / (near * near), other = -term.ratio * k;
        lanes by_a = lane_select(term.is_larger, other, k);
        by_mean += lane_select(term.is_larger, k, other);
        da[i] = lane_fma(g, lane_select(lane_greater(zero, a[i]), -by_a, by_a), da[i]);
    }
    if (!is_exact) return;
    by_mean = lane_select(lane_greater(zero, mean), -by_mean, by_mean) * (1.0f / (float)n);
    by_mean = lane_select(lane_equal(mean, zero), zero, by_mean);
    POOL_UNROLL
    for (int i = 0; i < n; i++) da[i] = lane_fma(g, by_mean, da[i]);
}

// Returns dy/dbeta.
POOL_INLINE lanes ada_backward(const lanes *a, int n, lanes beta, bool is_exact, lanes g,
                               lanes *da)
{
    lanes sum, mean = ada_mean(a, n), dice = ada_dice(a, n, mean, &sum);
    lanes slope = lane_all(is_exact ? 1.0f : 0.0f);
    soft_backward(a, n, ada_scale(), slope, (lane_all(1.0f) - beta) * g, false, da);
    ada_dice_backward(a, n, mean, sum, dice, beta * g, is_exact, da);
    return dice - soft_forward(a, n, ada_scale());
}

static inline void ada_form(const struct op_call *call, struct pool_value_form *form)
{
    const struct pool_op_args *op = (const struct pool_op_args *)call->args;
    form->n_stored = form->n = 1;
    form->constant = ((const struct ada_args *)op->args)->beta;
}

POOL_WINDOW_INLINE lanes ada_y(const struct pool_view *v)
{
    return ada_forward(v->a, v->n, pool_value(v, 0));
}

POOL_WINDOW_INLINE void ada_dx(const struct pool_view *v, lanes g, lanes *da, lanes *dv)
{
    bool is_exact = POOL_ARGS(v, ada_args)->grad == ADA_EXACT;
    dv[0] += g * ada_backward(v->a, v->n, pool_value(v, 0), is_exact, g, da);
}

#endif
