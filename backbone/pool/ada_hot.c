#include "backbone/pool/ada.h"

#include "backbone/pool/dispatch.h"
#include "cpu/pool_window.h"

POOL_DECLARE_KERNELS(ada);

static void set_form(const struct op_call *call, struct pool_value_form *form)
{
    const struct pool_op_args *op = (const struct pool_op_args *)call->args;
    *form = (struct pool_value_form){
        .n_stored = 1, .n = 1, .constant = ((const struct ada_args *)op->args)->beta};
}

POOL_LOOP_INLINE lanes window_y(const struct pool_view *v)
{
    return ada_forward(v->a, v->n, pool_value(v, 0));
}

POOL_LOOP_INLINE void window_dx(const struct pool_view *v, lanes g, lanes *da, lanes *dv)
{
    bool is_exact = ((const struct ada_args *)v->map->args)->grad == ADA_EXACT;
    dv[0] += g * ada_backward(v->a, v->n, pool_value(v, 0), is_exact, g, da);
}

static const struct pool_needs needs = {.values = set_form, .n_lanes = N_LANES};
POOL_WINDOW_KERNELS(ada, &needs, window_y, window_dx)
