#include "backbone/pool/dpp.h"

#include <math.h>

#include "backbone/pool/avg.h"
#include "backbone/pool/dispatch.h"
#include "cpu/pool_window.h"

POOL_DECLARE_KERNELS(dpp);

enum { LAMBDA, ALPHA, N_STORED };
#define MAX_ALPHA 10.0 // as the authors clip it

static void values_of(int n_stored, const double *stored, double *value)
{
    value[DPP_Q] = 0.5 * exp(stored[LAMBDA]);
    value[DPP_CONSTANT] = exp(fmin(stored[ALPHA], MAX_ALPHA));
    for (int i = N_STORED; i < n_stored; i++) value[i] = stored[i];
}

static void gradient(int n_stored, const double *stored, const double *dvalue, double *dstored)
{
    double value[DPP_N_VALUES];
    values_of(N_STORED, stored, value);
    dstored[LAMBDA] = dvalue[DPP_Q] * value[DPP_Q];
    dstored[ALPHA] = stored[ALPHA] > MAX_ALPHA ? 0.0 : dvalue[DPP_CONSTANT] * value[DPP_CONSTANT];
    for (int i = N_STORED; i < n_stored; i++) dstored[i] = dvalue[i];
}

static const struct dpp_args *args_of(const struct op_call *call)
{
    return (const struct dpp_args *)((const struct pool_op_args *)call->args)->args;
}

static void set_form(const struct op_call *call, struct pool_value_form *form)
{
    const struct pool_op_args *op = (const struct pool_op_args *)call->args;
    int n = DPP_N_VALUES;
    if (args_of(call)->reference == DPP_LEARNED)
        n = DPP_WEIGHT + (op->window.kernel_h + 1) * (op->window.kernel_w + 1);
    *form =
        (struct pool_value_form){.n_stored = n, .n = n, .value = values_of, .gradient = gradient};
}

// The 3x3 reference of a 2x2 window sees one more row and column, at the top and left.
static void see_reference(const struct op_call *call, struct window *window)
{
    if (args_of(call)->reference == DPP_AVG2) return;
    window->kernel_h++;
    window->kernel_w++;
    window->pad_begin_h++;
    window->pad_begin_w++;
}

// How many cells the reference averages: of the map alone, or with AVG3 its padding too.
POOL_LOOP_INLINE float reference_count(const struct pool_view *v, const struct dpp_args *args)
{
    const struct pool_map *map = v->map;
    const struct window *w = &map->window;
    if (args->reference == DPP_AVG2) return (float)v->n;
    return (float)(avg_count(v->oh, map->h, w->kernel_h, w->stride_h, w->pad_begin_h, w->pad_end_h,
                             true) *
                   avg_count(v->ow, map->w, w->kernel_w, w->stride_w, w->pad_begin_w, w->pad_end_w,
                             true));
}

POOL_LOOP_INLINE struct dpp_places places_of(const struct pool_view *v, const struct dpp_args *args)
{
    bool has_more = args->reference != DPP_AVG2;
    return (struct dpp_places){v->n, v->cols, has_more && v->top == 0, has_more && v->left == 0};
}

POOL_LOOP_INLINE lanes reference(const struct pool_view *v, const struct dpp_args *args)
{
    lanes t = lane_all(0.0f);
    if (args->reference == DPP_LEARNED) {
        t = pool_value(v, DPP_BIAS);
        POOL_UNROLL
        for (int i = 0; i < v->n; i++)
            t = lane_fma(v->a[i], pool_value(v, DPP_WEIGHT + pool_place(v, i)), t);
        return t;
    }
    lanes share = lane_all(1.0f / reference_count(v, args));
    POOL_UNROLL
    for (int i = 0; i < v->n; i++) t = lane_fma(v->a[i], share, t);
    return t;
}

// From the gradient of the reference to those of what it is made of.
POOL_LOOP_INLINE void reference_dx(const struct pool_view *v, const struct dpp_args *args, lanes dt,
                                   lanes *da, lanes *dv)
{
    if (args->reference == DPP_LEARNED) {
        dv[DPP_BIAS] += dt;
        POOL_UNROLL
        for (int i = 0; i < v->n; i++) {
            int k = DPP_WEIGHT + pool_place(v, i);
            da[i] = lane_fma(dt, pool_value(v, k), da[i]);
            dv[k] = lane_fma(dt, v->a[i], dv[k]);
        }
        return;
    }
    lanes share = dt / reference_count(v, args);
    POOL_UNROLL
    for (int i = 0; i < v->n; i++) da[i] += share;
}

POOL_LOOP_INLINE struct dpp_window run(const struct pool_view *v, const struct dpp_args *args,
                                       const struct dpp_places *places)
{
    struct dpp_window window = {.is_symmetric = args->symmetric};
    window.t = reference(v, args);
    window.q = pool_value(v, DPP_Q);
    window.constant = pool_value(v, DPP_CONSTANT);
    dpp_forward(v->a, places, (float)args->eps, args->norm, &window);
    return window;
}

POOL_LOOP_INLINE lanes window_y(const struct pool_view *v)
{
    const struct dpp_args *args = v->map->args;
    struct dpp_places places = places_of(v, args);
    return run(v, args, &places).y;
}

POOL_LOOP_INLINE void window_dx(const struct pool_view *v, lanes g, lanes *da, lanes *dv)
{
    const struct dpp_args *args = v->map->args;
    struct dpp_places places = places_of(v, args);
    struct dpp_window window = run(v, args, &places);
    struct dpp_gradients sums = dpp_backward(v->a, &places, args->norm, &window, g, da);
    dv[DPP_Q] += sums.dq;
    dv[DPP_CONSTANT] += sums.dconstant;
    reference_dx(v, args, sums.dt, da, dv);
}

static const struct pool_needs needs = {
    .values = set_form, .window = see_reference, .n_lanes = N_LANES};
POOL_WINDOW_KERNELS(dpp, &needs, window_y, window_dx)
