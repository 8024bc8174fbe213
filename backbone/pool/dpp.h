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

#include <math.h>
#include <stdbool.h>

#include "backbone/pool/avg.h"

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

enum { DPP_LAMBDA, DPP_ALPHA, DPP_N_STORED }; // and then the reference's, if it learns
#define DPP_MAX_ALPHA 10.0 // as the authors clip it

BOTH_INLINE void dpp_value_of(const void *args, int n_stored, const double *stored, double *value)
{
    (void)args;
    value[DPP_Q] = 0.5 * exp(stored[DPP_LAMBDA]);
    value[DPP_CONSTANT] = exp(fmin(stored[DPP_ALPHA], DPP_MAX_ALPHA));
    for (int i = DPP_N_STORED; i < n_stored; i++) value[i] = stored[i];
}

BOTH_INLINE void dpp_value_gradient(const void *args, int n_stored, const double *stored,
                                    const double *dvalue, double *dstored)
{
    double value[DPP_N_VALUES];
    dpp_value_of(args, DPP_N_STORED, stored, value);
    dstored[DPP_LAMBDA] = dvalue[DPP_Q] * value[DPP_Q];
    dstored[DPP_ALPHA] =
        stored[DPP_ALPHA] > DPP_MAX_ALPHA ? 0.0 : dvalue[DPP_CONSTANT] * value[DPP_CONSTANT];
    for (int i = DPP_N_STORED; i < n_stored; i++) dstored[i] = dvalue[i];
}

static inline int dpp_reference(const struct op_call *call)
{
    const struct pool_op_args *op = (const struct pool_op_args *)call->args;
    return ((const struct dpp_args *)op->args)->reference;
}

static inline void dpp_form(const struct op_call *call, struct pool_value_form *form)
{
    const struct window *w = &((const struct pool_op_args *)call->args)->window;
    int n = DPP_N_VALUES;
    if (dpp_reference(call) == DPP_LEARNED) n = DPP_WEIGHT + (w->kernel_h + 1) * (w->kernel_w + 1);
    form->n_stored = form->n = n;
    form->value = dpp_value_of;
    form->gradient = dpp_value_gradient;
}

// The 3x3 reference of a 2x2 window sees one more row and column, at the top and left.
static inline void dpp_see_reference(const struct op_call *call, struct window *window)
{
    if (dpp_reference(call) == DPP_AVG2) return;
    window->kernel_h++;
    window->kernel_w++;
    window->pad_begin_h++;
    window->pad_begin_w++;
}

// How many cells the reference averages: of the map alone, or with AVG3 its padding too.
POOL_WINDOW_INLINE float dpp_reference_count(const struct pool_view *v, const struct dpp_args *args)
{
    const struct pool_map *map = v->map;
    const struct window *w = &map->window;
    if (args->reference == DPP_AVG2) return (float)v->n;
    return (float)(avg_count(v->oh, map->h, w->kernel_h, w->stride_h, w->pad_begin_h, w->pad_end_h,
                             true) *
                   avg_count(v->ow, map->w, w->kernel_w, w->stride_w, w->pad_begin_w, w->pad_end_w,
                             true));
}

POOL_WINDOW_INLINE struct dpp_places dpp_places_of(const struct pool_view *v,
                                                   const struct dpp_args *args)
{
    bool has_more = args->reference != DPP_AVG2;
    struct dpp_places places;
    places.n = v->n;
    places.cols = v->cols;
    places.first_row = has_more && v->top == 0;
    places.first_col = has_more && v->left == 0;
    return places;
}

POOL_WINDOW_INLINE lanes dpp_reference_of(const struct pool_view *v, const struct dpp_args *args)
{
    lanes t = lane_all(0.0f);
    if (args->reference == DPP_LEARNED) {
        t = pool_value(v, DPP_BIAS);
        POOL_UNROLL
        for (int i = 0; i < v->n; i++)
            t = lane_fma(v->a[i], pool_value(v, DPP_WEIGHT + pool_place(v, i)), t);
        return t;
    }
    lanes share = lane_all(1.0f / dpp_reference_count(v, args));
    POOL_UNROLL
    for (int i = 0; i < v->n; i++) t = lane_fma(v->a[i], share, t);
    return t;
}

// From the gradient of the reference to those of what it is made of.
POOL_WINDOW_INLINE void dpp_reference_dx(const struct pool_view *v, const struct dpp_args *args,
                                         lanes dt, lanes *da, lanes *dv)
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
    lanes share = dt / dpp_reference_count(v, args);
    POOL_UNROLL
    for (int i = 0; i < v->n; i++) da[i] += share;
}

POOL_WINDOW_INLINE struct dpp_window dpp_run(const struct pool_view *v, const struct dpp_args *args,
                                       const struct dpp_places *places)
{
    struct dpp_window window;
    window.is_symmetric = args->symmetric;
    window.t = dpp_reference_of(v, args);
    window.q = pool_value(v, DPP_Q);
    window.constant = pool_value(v, DPP_CONSTANT);
    dpp_forward(v->a, places, (float)args->eps, args->norm, &window);
    return window;
}

POOL_WINDOW_INLINE lanes dpp_y(const struct pool_view *v)
{
    const struct dpp_args *args = POOL_ARGS(v, dpp_args);
    struct dpp_places places = dpp_places_of(v, args);
    return dpp_run(v, args, &places).y;
}

POOL_WINDOW_INLINE void dpp_dx(const struct pool_view *v, lanes g, lanes *da, lanes *dv)
{
    const struct dpp_args *args = POOL_ARGS(v, dpp_args);
    struct dpp_places places = dpp_places_of(v, args);
    struct dpp_window window = dpp_run(v, args, &places);
    struct dpp_gradients sums = dpp_backward(v->a, &places, args->norm, &window, g, da);
    dv[DPP_Q] += sums.dq;
    dv[DPP_CONSTANT] += sums.dconstant;
    dpp_reference_dx(v, args, sums.dt, da, dv);
}

#endif
