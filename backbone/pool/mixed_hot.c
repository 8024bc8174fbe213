#include "backbone/pool/mixed.h"

#include "backbone/pool/dispatch.h"
#include "cpu/pool_window.h"

POOL_DECLARE_KERNELS(mixed);

static void set_form(const struct op_call *call, struct pool_value_form *form)
{
    const struct pool_op_args *op = (const struct pool_op_args *)call->args;
    *form = (struct pool_value_form){
        .n_stored = 1, .n = 1, .constant = ((const struct mixed_args *)op->args)->alpha};
}

POOL_LOOP_INLINE lanes window_y(const struct pool_view *v)
{
    struct mixed_parts parts = mixed_parts_of(v->a, v->n, v->cols);
    return mixed_value(&parts, pool_value(v, 0));
}

POOL_LOOP_INLINE void window_dx(const struct pool_view *v, lanes g, lanes *da, lanes *dv)
{
    struct mixed_parts parts = mixed_parts_of(v->a, v->n, v->cols);
    lanes alpha = pool_value(v, 0);
    dv[0] += g * (parts.maximum - parts.mean);
    POOL_UNROLL
    for (int i = 0; i < v->n; i++) da[i] = g * mixed_slope(&parts, alpha, i, v->n);
}

static const struct pool_needs needs = {.values = set_form, .n_lanes = N_LANES};
POOL_WINDOW_KERNELS(mixed, &needs, window_y, window_dx)
