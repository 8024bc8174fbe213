// The learned norm (Gulcehre, Cho, Pascanu, Bengio, 2014) and the un-normalised power average:
//     y = ( (1/n) sum_i |a_i|^p )^(1/p),   or without 1/n.
// With m = max |a_i|, u_i = |a_i| / m <= 1 and M = (1/n) sum u_i^p:
//     y = m M^(1/p),  dy/da_i = (1/n) sign(a_i) u_i^(p-1) M^((1-p)/p),
//     dy/dp = y (sum u_i^p ln u_i / (p sum u_i^p) - ln M / p^2).
// Nothing overflows but a sum itself, which ends at the largest float. All gradients are 0 where
// m = 0.
#ifndef TARN_BACKBONE_POOL_LP_H
#define TARN_BACKBONE_POOL_LP_H

#include <stdbool.h>

#include "backbone/pool/math.h"

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

#endif
