#include "backbone/pool/soft.h"

#include "backbone/pool/dispatch.h"
#include "backbone/pool/soft_strip_hot.h"
#include "cpu/pool_window.h"

POOL_DECLARE_KERNELS(soft);

static void exact_values(int n_stored, const double *stored, double *value)
{
    (void)n_stored;
    soft_values(stored[0], SOFT_EXACT, value);
}

static void detached_values(int n_stored, const double *stored, double *value)
{
    (void)n_stored;
    soft_values(stored[0], SOFT_DETACHED, value);
}

static void beta_gradient(int n_stored, const double *stored, const double *dvalue,
                          double *dstored)
{
    (void)n_stored, (void)stored;
    dstored[0] = dvalue[SOFT_BETA];
}

static void set_form(const struct op_call *call, struct pool_value_form *form)
{
    const struct pool_op_args *op = (const struct pool_op_args *)call->args;
    const struct soft_args *args = (const struct soft_args *)op->args;
    form->n_stored = 1;
    form->n = SOFT_N_VALUES;
    form->constant = args->beta;
    form->value = args->grad == SOFT_EXACT ? exact_values : detached_values;
    form->gradient = beta_gradient;
}

static const struct pool_needs needs = {.values = set_form, .n_lanes = N_LANES};

static bool learns(const struct pool_map *map)
{
    return ((const struct soft_args *)map->args)->learn_beta;
}

POOL_LOOP_INLINE struct soft_scale scale_of(const struct pool_view *v)
{
    return (struct soft_scale){pool_value(v, SOFT_LOG2), pool_value(v, SOFT_LOWEST)};
}

POOL_LOOP_INLINE lanes window_y(const struct pool_view *v)
{
    return soft_forward(v->a, v->n, scale_of(v));
}

POOL_LOOP_INLINE void window_dx(const struct pool_view *v, lanes g, lanes *da, lanes *dv)
{
    (void)dv;
    soft_backward(v->a, v->n, scale_of(v), pool_value(v, SOFT_SLOPE), g, false, da);
}

POOL_LOOP_INLINE void window_dx_dbeta(const struct pool_view *v, lanes g, lanes *da, lanes *dv)
{
    lanes slope = pool_value(v, SOFT_SLOPE);
    dv[SOFT_BETA] += g * soft_backward(v->a, v->n, scale_of(v), slope, g, true, da);
}

static void forward_rows(const struct op_call *call, const struct pool_map *map, int64_t image,
                         int begin, int end)
{
    if (!learns(map) && soft_strip_fits(map) &&
        ISA_NAME(soft_strip_forward)(map, image, call->in[0]->data, call->out[0]->data, begin, end))
        return;
    pool_window_rows_y(call, map, image, begin, end, window_y);
}

enum status ISA_NAME(pool_soft_forward)(const struct op_call *call)
{
    return pool_run_forward(call, &needs, forward_rows, SOFT_STRIP_OUT_ROWS);
}

static void backward_band(const struct op_backward_call *backward, const struct pool_map *map,
                          int64_t image, int begin, int end)
{
    const struct op_call *call = backward->forward;
    if (learns(map)) {
        pool_window_band_dx(backward, map, image, begin, end, window_dx_dbeta);
        return;
    }
    float *dx = (float *)call->in[0]->grad;
    if (backward->beta[0] == 0.0f && soft_strip_fits(map)) {
        pool_zero_uncovered(map, image, begin, end, dx);
        if (ISA_NAME(soft_strip_backward)(map, image, call->in[0]->data, call->out[0]->grad, dx,
                                          begin, end))
            return;
    }
    pool_window_band_dx(backward, map, image, begin, end, window_dx);
}

enum status ISA_NAME(pool_soft_backward)(const struct op_backward_call *backward)
{
    return pool_run_backward(backward, &needs, backward_band, SOFT_STRIP_IN_ROWS);
}
