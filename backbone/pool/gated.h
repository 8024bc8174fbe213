// Gated max-average pooling (Lee, Gallagher, Tu, AISTATS 2016), with a mask omega of the window's
// size for the whole layer:
//     z = sum_i omega_i a_i,  alpha = 1 / (1 + e^-z),  y = alpha max_i a_i + (1 - alpha) mean_i
//     a_i;
//     dy/da_i = alpha (1 - alpha) (max - mean) omega_i + what mixed.h says of a fixed alpha;
//     dy/domega_i = alpha (1 - alpha) (max - mean) a_i.
#ifndef TARN_BACKBONE_POOL_GATED_H
#define TARN_BACKBONE_POOL_GATED_H

#include "backbone/pool/mixed.h"

struct gated_args {
    double mask_std;
};

// z is summed up in units of 2^64 and held within 2^20 of them, so that it cannot overflow.
#define GATED_UNIT 0x1p-64f
#define GATED_LIMIT 0x1p20f

POOL_INLINE lanes gated_add(lanes z, lanes omega, lanes a)
{
    return lane_fma(omega, a * GATED_UNIT, z);
}

POOL_INLINE lanes gated_alpha(lanes z)
{
    z = lane_select(lane_greater(z, lane_all(GATED_LIMIT)), lane_all(GATED_LIMIT), z);
    z = lane_select(lane_greater(lane_all(-GATED_LIMIT), z), lane_all(-GATED_LIMIT), z);
    return lane_all(1.0f) / (lane_exp2(z * (-1.44269504f / GATED_UNIT)) + 1.0f);
}

// dy/dz
POOL_INLINE lanes gated_slope(const struct mixed_parts *parts, lanes alpha)
{
    lanes factor = alpha * (lane_all(1.0f) - alpha);
    return factor * parts->maximum - factor * parts->mean;
}

static inline void gated_form(const struct op_call *call, struct pool_value_form *form)
{
    const struct pool_op_args *op = (const struct pool_op_args *)call->args;
    form->n_stored = form->n = op->window.kernel_h * op->window.kernel_w;
}

POOL_WINDOW_INLINE lanes gated_alpha_of(const struct pool_view *v)
{
    lanes z = lane_all(0.0f);
    POOL_UNROLL
    for (int i = 0; i < v->n; i++) z = gated_add(z, pool_value(v, pool_place(v, i)), v->a[i]);
    return gated_alpha(z);
}

POOL_WINDOW_INLINE lanes gated_y(const struct pool_view *v)
{
    struct mixed_parts parts = mixed_parts_of(v->a, v->n, v->cols);
    return mixed_value(&parts, gated_alpha_of(v));
}

POOL_WINDOW_INLINE void gated_dx(const struct pool_view *v, lanes g, lanes *da, lanes *dv)
{
    struct mixed_parts parts = mixed_parts_of(v->a, v->n, v->cols);
    lanes alpha = gated_alpha_of(v), dz = g * gated_slope(&parts, alpha);
    POOL_UNROLL
    for (int i = 0; i < v->n; i++) {
        int place = pool_place(v, i);
        lanes omega = pool_value(v, place);
        da[i] = lane_fma(dz, omega, g * mixed_slope(&parts, alpha, i, v->n));
        dv[place] = lane_fma(dz, v->a[i], dv[place]);
    }
}

#endif
