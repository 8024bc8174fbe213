// Detail-preserving pooling (Saeedan, Weber, Goesele, Roth, CVPR 2018). t is the window's
// reference, its mean in the lite variant and a learned filter in the full one; lambda and alpha
// are learned for each channel:
//     x_i = a_i - t,  v_i = x_i^2 + eps  (asymmetric: max(x_i, 0)^2 + eps),  u_i = v_i / V,
//     w_i = u_i^q + e^alpha,  q = e^lambda / 2,  y = sum_i w_i a_i / W,  W = sum_i w_i,
// V the mean of v (or its sum). Backward, with k = n for the mean and 1 for the sum:
//     du_i = (a_i - y) / W q u_i^(q-1),  dv_i = (du_i - sum_j du_j u_j / k) / V,
//     dx_i = 2 x_i dv_i (0 where asymmetric and x_i < 0),  dt = -sum_i dx_i,
//     dq = sum_i (a_i - y) / W u_i^q ln u_i,  de^alpha = sum_i (a_i - y) / W.
// The maths is in units of r = max(1, max |x_i|), which cancels out: squares cannot overflow.
#ifndef TARN_BACKBONE_POOL_DPP_H
#define TARN_BACKBONE_POOL_DPP_H

#include <stdbool.h>

#include "backbone/pool/math.h"

enum { DPP_AVG2, DPP_AVG3, DPP_LEARNED }; // reference
enum { DPP_MEAN, DPP_SUM };               // norm

struct dpp_args {
    bool symmetric;
    int reference, norm;
    double eps, lambda, alpha;
};

// A learned reference adds its bias and the weights of all places of the larger window.
enum { DPP_Q, DPP_CONSTANT, DPP_N_VALUES, DPP_BIAS = DPP_N_VALUES, DPP_WEIGHT };

// What all elements of a window share.
struct dpp_window {
    lanes t, q, constant; // constant: e^alpha
    lanes inverse_r, eps; // eps in units of r^2
    lanes inverse_v;      // of V in those units
    lanes inverse_w, y;
    bool is_symmetric;
};

POOL_INLINE lanes dpp_distance(lanes a, const struct dpp_window *window) // x_i
{
    lanes x = a - window->t;
    lanes limit = lane_all(1e38f);
    x = lane_select(lane_greater(x, limit), limit, x);
    x = lane_select(lane_greater(-limit, x), -limit, x);
    return window->is_symmetric ? x
                                : lane_select(lane_greater(lane_all(0.0f), x), lane_all(0.0f), x);
}

POOL_INLINE lanes dpp_square(lanes a, const struct dpp_window *window) // v_i
{
    lanes x = dpp_distance(a, window) * window->inverse_r;
    return lane_fma(x, x, window->eps);
}

POOL_INLINE lanes dpp_log2_u(lanes a, const struct dpp_window *window)
{
    lanes u = dpp_square(a, window) * window->inverse_v;
    return lane_log2(lane_larger(lane_all(1.17549435e-38f), u));
}

POOL_INLINE lanes dpp_power(lanes log2_u, lanes exponent) // ends at 2^100
{
    lanes x = log2_u * exponent;
    return lane_exp2(lane_select(lane_greater(x, lane_all(100.0f)), lane_all(100.0f), x));
}

// `is_inside(i)` tells elements from those that only the reference sees: first_row and first_col
// are the first row and column of elements, cols the elements of a row.
struct dpp_places {
    int n, cols, first_row, first_col;
};

POOL_INLINE bool dpp_is_inside(const struct dpp_places *places, int i)
{
    return i / places->cols >= places->first_row && i % places->cols >= places->first_col;
}

POOL_INLINE int dpp_count(const struct dpp_places *places)
{
    return (places->n / places->cols - places->first_row) * (places->cols - places->first_col);
}

// t, q, constant and is_symmetric are given.
POOL_INLINE void dpp_forward(const lanes *a, const struct dpp_places *places, float eps, int norm,
                             struct dpp_window *window)
{
    const lanes one = lane_all(1.0f);
    lanes r = one, v = lane_all(0.0f), w = v, weighted = v;
    POOL_UNROLL
    for (int i = 0; i < places->n; i++)
        if (dpp_is_inside(places, i)) r = lane_larger(lane_abs(dpp_distance(a[i], window)), r);
    window->inverse_r = one / r;
    window->eps = window->inverse_r * eps * window->inverse_r;
    POOL_UNROLL
    for (int i = 0; i < places->n; i++)
        if (dpp_is_inside(places, i)) v += dpp_square(a[i], window);
    float n = (float)dpp_count(places);
    v = lane_larger(lane_all(1.17549435e-38f), v);
    window->inverse_v = lane_all(norm == DPP_MEAN ? n : 1.0f) / v;
    POOL_UNROLL
    for (int i = 0; i < places->n; i++) {
        if (!dpp_is_inside(places, i)) continue;
        lanes weight = dpp_power(dpp_log2_u(a[i], window), window->q) + window->constant;
        w += weight;
        weighted = lane_fma(weight * window->inverse_r, a[i] - window->t, weighted);
    }
    window->inverse_w = one / w;
    window->y = window->t + weighted * window->inverse_w * r;
}

struct dpp_gradients {
    lanes dt, dq, dconstant;
};

// After dpp_forward. da_i of elements, of g y; 0 for those that only the reference sees.
POOL_INLINE struct dpp_gradients dpp_backward(const lanes *a, const struct dpp_places *places,
                                              int norm, const struct dpp_window *window, lanes g,
                                              lanes *da)
{
    const lanes zero = lane_all(0.0f);
    struct dpp_gradients sums = {zero, zero, zero};
    lanes shared = zero; // sum du_j u_j
    POOL_UNROLL
    for (int i = 0; i < places->n; i++) {
        if (!dpp_is_inside(places, i)) continue;
        lanes log2_u = dpp_log2_u(a[i], window), power = dpp_power(log2_u, window->q);
        lanes away = (a[i] - window->y) * window->inverse_w;
        shared = lane_fma(away * window->inverse_r * window->q, power, shared);
        sums.dconstant = lane_fma(g, away, sums.dconstant);
        sums.dq = lane_fma(g * away * power, log2_u * 0.693147181f, sums.dq);
    }
    if (norm == DPP_MEAN) shared = shared / (float)dpp_count(places);
    POOL_UNROLL
    for (int i = 0; i < places->n; i++) {
        da[i] = zero;
        if (!dpp_is_inside(places, i)) continue;
        lanes log2_u = dpp_log2_u(a[i], window), power = dpp_power(log2_u, window->q);
        lanes away = (a[i] - window->y) * window->inverse_w * window->inverse_r;
        lanes du = away * window->q * dpp_power(log2_u, window->q - 1.0f);
        lanes x = dpp_distance(a[i], window) * window->inverse_r;
        lanes dx = x * 2.0f * (du - shared) * window->inverse_v;
        sums.dt -= g * dx;
        da[i] = g * lane_fma(power + window->constant, window->inverse_w, dx);
    }
    return sums;
}

#endif
