#include "backbone/pool/lp.h"

#include <math.h>

#include "backbone/pool/dispatch.h"
#include "cpu/pool_window.h"

POOL_DECLARE_KERNELS(lp);

static void fixed_values(int n_stored, const double *stored, double *value)
{
    (void)n_stored;
    value[LP_P] = stored[0];
    value[LP_INVERSE_P] = 1.0 / stored[0];
}

// p = 1 + log(1 + e^rho)
static double p_of(double rho)
{
    return 1.0 + (rho > 30.0 ? rho : log1p(exp(rho)));
}

static void learned_values(int n_stored, const double *stored, double *value)
{
    double p = fmin(p_of(stored[0]), LP_MAX_LEARNED);
    fixed_values(n_stored, &p, value);
}

static void gradient(int n_stored, const double *stored, const double *dvalue, double *dstored)
{
    (void)n_stored;
    bool is_at_end = p_of(stored[0]) > LP_MAX_LEARNED;
    dstored[0] = is_at_end ? 0.0 : dvalue[LP_P] / (1.0 + exp(-stored[0]));
}

static void set_form(const struct op_call *call, struct pool_value_form *form)
{
    const struct pool_op_args *op = (const struct pool_op_args *)call->args;
    const struct lp_args *args = (const struct lp_args *)op->args;
    *form = (struct pool_value_form){
        .n_stored = 1, .n = LP_N_VALUES, .constant = args->p, .value = fixed_values};
    if (!args->learn_p) return;
    form->value = learned_values;
    form->gradient = gradient;
}

POOL_LOOP_INLINE float scale_of(const struct pool_view *v)
{
    return ((const struct lp_args *)v->map->args)->normalize ? 1.0f / (float)v->n : 1.0f;
}

POOL_LOOP_INLINE lanes window_y(const struct pool_view *v)
{
    return lp_forward(v->a, v->n, pool_value(v, LP_P), pool_value(v, LP_INVERSE_P), scale_of(v));
}

POOL_LOOP_INLINE void window_dx(const struct pool_view *v, lanes g, lanes *da, lanes *dv)
{
    dv[LP_P] += g * lp_backward(v->a, v->n, pool_value(v, LP_P), pool_value(v, LP_INVERSE_P),
                                scale_of(v), g, da);
}

static const struct pool_needs needs = {.values = set_form, .n_lanes = N_LANES};
POOL_WINDOW_KERNELS(lp, &needs, window_y, window_dx)
