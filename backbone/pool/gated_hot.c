#include "backbone/pool/gated.h"

#include "backbone/pool/dispatch.h"
#include "cpu/pool_window.h"

POOL_DECLARE_KERNELS(gated);

static void set_form(const struct op_call *call, struct pool_value_form *form)
{
    const struct pool_op_args *op = (const struct pool_op_args *)call->args;
    int places = op->window.kernel_h * op->window.kernel_w;
    *form = (struct pool_value_form){.n_stored = places, .n = places};
}

POOL_LOOP_INLINE lanes alpha_of(const struct pool_view *v)
{
    lanes z = lane_all(0.0f);
    POOL_UNROLL
    for (int i = 0; i < v->n; i++) z = gated_add(z, pool_value(v, pool_place(v, i)), v->a[i]);
    return gated_alpha(z);
}

POOL_LOOP_INLINE lanes window_y(const struct pool_view *v)
{
    struct mixed_parts parts = mixed_parts_of(v->a, v->n, v->cols);
    return mixed_value(&parts, alpha_of(v));
}

POOL_LOOP_INLINE void window_dx(const struct pool_view *v, lanes g, lanes *da, lanes *dv)
{
    struct mixed_parts parts = mixed_parts_of(v->a, v->n, v->cols);
    lanes alpha = alpha_of(v), dz = g * gated_slope(&parts, alpha);
    POOL_UNROLL
    for (int i = 0; i < v->n; i++) {
        int place = pool_place(v, i);
        lanes omega = pool_value(v, place);
        da[i] = lane_fma(dz, omega, g * mixed_slope(&parts, alpha, i, v->n));
        dv[place] = lane_fma(dz, v->a[i], dv[place]);
    }
}

static const struct pool_needs needs = {.values = set_form, .n_lanes = N_LANES};
POOL_WINDOW_KERNELS(gated, &needs, window_y, window_dx)
