// SoftPool (Stergiou et al., ICCV 2021, eq. 1-2; beta = 1 there):
//     w_i = exp(beta a_i) / sum_j exp(beta a_j),  y = sum_i w_i a_i.
// Everything is written in distances to the window's maximum m, d_i = a_i - m <= 0:
//     e_i = exp(beta d_i),  s = sum e_i >= 1,  t = sum e_i d_i,  y = m + t / s.
// Nothing overflows, and a constant window gives exactly its constant.
#ifndef TARN_BACKBONE_POOL_SOFT_H
#define TARN_BACKBONE_POOL_SOFT_H

#include "backbone/pool/math.h"

enum soft_grad { SOFT_EXACT, SOFT_DETACHED };

struct soft_args {
    double beta; // >= 0
    int grad;    // enum soft_grad
};

POOL_INLINE float soft_larger(float a, float maximum)
{
    return a > maximum ? a : maximum;
}

// What the terms need of beta.
struct soft_scale {
    float log2;   // e_i = 2^(d_i * log2)
    float lowest; // smaller d_i count as this one: e_i = 2^-125, where floats are about to end
};

static inline struct soft_scale soft_scale_of(double beta)
{
    struct soft_scale scale;
    scale.log2 = (float)(beta * 1.4426950408889634);
    scale.lowest =
        (float)(beta * 1.4426950408889634 > 1e-30 ? -125.0 / (beta * 1.4426950408889634) : -1e32);
    return scale;
}

POOL_INLINE float soft_distance(float a, float maximum, struct soft_scale scale) // d_i
{
    float d = a - maximum;
    return d < scale.lowest ? scale.lowest : d;
}

POOL_INLINE float soft_term(float d, struct soft_scale scale) // e_i
{
    return vec_exp2f_falling(d * scale.log2);
}

POOL_INLINE float soft_value(float maximum, float s, float t) // y
{
    return maximum + t / s;
}

// dy/da_i = w_i (1 + beta (a_i - y)), or w_i alone where the weights are held constant: then
// slope_beta = 0. e_scaled = e_i times upstream gradient / s; a_i - y = d_i - mean_d,
// mean_d = t / s.
POOL_INLINE float soft_slope(float e_scaled, float d, float mean_d, float slope_beta)
{
    return e_scaled * vec_fma(slope_beta, d - mean_d, 1.0f);
}

#endif
