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

POOL_INLINE float soft_term(float d, float beta) // e_i
{
    return vec_expf(beta * d);
}

POOL_INLINE float soft_value(float maximum, float s, float t) // y
{
    return maximum + t / s;
}

// dy/da_i = w_i (1 + beta (a_i - y)), and w_i alone where the weights are held constant: that is
// slope_beta = 0. Here w_i = e_i inverse_s and a_i - y = d_i - mean_d, mean_d = t / s.
POOL_INLINE float soft_slope(float e, float d, float mean_d, float inverse_s, float slope_beta)
{
    return e * inverse_s * (1.0f + slope_beta * (d - mean_d));
}

#endif
