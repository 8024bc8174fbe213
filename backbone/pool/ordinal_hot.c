#include "backbone/pool/ordinal.h"

#include <math.h>

#include "backbone/pool/dispatch.h"
#include "cpu/pool_window.h"

POOL_DECLARE_KERNELS(ordinal);

static void positive_part(int n, const double *stored, double *value)
{
    for (int k = 0; k < n; k++) value[k] = fmax(stored[k], 0.0);
}

static void positive_gradient(int n, const double *stored, const double *dvalue, double *dstored)
{
    for (int k = 0; k < n; k++) dstored[k] = stored[k] >= 0.0 ? dvalue[k] : 0.0;
}

// The kernels divide by the sum.
static void exponentials(int n, const double *stored, double *value)
{
    double largest = stored[0];
    for (int k = 1; k < n; k++) largest = fmax(largest, stored[k]);
    for (int k = 0; k < n; k++) value[k] = exp(stored[k] - largest);
}

static void exponential_gradient(int n, const double *stored, const double *dvalue,
                                 double *dstored)
{
    exponentials(n, stored, dstored);
    for (int k = 0; k < n; k++) dstored[k] *= dvalue[k];
}

static void set_form(const struct op_call *call, struct pool_value_form *form)
{
    const struct pool_op_args *op = (const struct pool_op_args *)call->args;
    bool is_softmax = ((const struct ordinal_args *)op->args)->constraint == ORDINAL_SOFTMAX;
    int n = op->window.kernel_h * op->window.kernel_w;
    *form = (struct pool_value_form){
        .n_stored = n,
        .n = n,
        .value = is_softmax ? exponentials : positive_part,
        .gradient = is_softmax ? exponential_gradient : positive_gradient,
    };
}

struct result {
    lanes inverse_sum, y;
    lane_mask is_empty; // weights of this window's ranks are all 0
};

// share[i]: the weight of element i divided by the sum.
POOL_LOOP_INLINE struct result run(const struct pool_view *v, const lanes *rank, lanes *share)
{
    const lanes zero = lane_all(0.0f);
    struct result result = {.y = zero};
    lanes sum = zero;
    POOL_UNROLL
    for (int r = 0; r < v->n; r++) sum += pool_value(v, r);
    result.is_empty = lane_equal(sum, zero);
    result.inverse_sum = lane_select(result.is_empty, zero, lane_all(1.0f) / sum);
    lanes equal_share = lane_select(result.is_empty, lane_all(1.0f / (float)v->n), zero);
    POOL_UNROLL
    for (int i = 0; i < v->n; i++) {
        lanes weight = zero;
        POOL_UNROLL
        for (int r = 0; r < v->n; r++) {
            lane_mask is_here = lane_equal(rank[i], lane_all((float)r));
            weight = lane_select(is_here, pool_value(v, r), weight);
        }
        share[i] = lane_fma(weight, result.inverse_sum, equal_share);
        result.y = lane_fma(share[i], v->a[i], result.y);
    }
    return result;
}

POOL_LOOP_INLINE lanes window_y(const struct pool_view *v)
{
    lanes rank[ORDINAL_MAX_ELEMENTS], share[ORDINAL_MAX_ELEMENTS];
    ordinal_ranks(v->a, v->n, rank);
    return run(v, rank, share).y;
}

POOL_LOOP_INLINE void window_dx(const struct pool_view *v, lanes g, lanes *da, lanes *dv)
{
    lanes rank[ORDINAL_MAX_ELEMENTS];
    ordinal_ranks(v->a, v->n, rank);
    struct result result = run(v, rank, da);
    lanes factor = g * result.inverse_sum;
    POOL_UNROLL
    for (int i = 0; i < v->n; i++) {
        da[i] *= g;
        lanes dw = factor * (v->a[i] - result.y);
        POOL_UNROLL
        for (int r = 0; r < v->n; r++) {
            lane_mask is_here = lane_equal(rank[i], lane_all((float)r));
            dv[r] += lane_select(is_here, dw, lane_all(0.0f));
        }
    }
}

static const struct pool_needs needs = {.values = set_form, .n_lanes = N_LANES};
POOL_WINDOW_KERNELS(ordinal, &needs, window_y, window_dx)
