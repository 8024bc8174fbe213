#include "backbone/pool/soft.h"

#include "backbone/pool/dispatch.h"
#include "backbone/pool/soft_strip_hot.h"
#include "cpu/pool_window.h"

POOL_DECLARE_KERNELS(soft);

static const struct pool_needs needs = {.values = soft_form, .n_lanes = N_LANES};

static bool learns(const struct pool_map *map)
{
    return ((const struct soft_args *)map->args)->learn_beta;
}

static void forward_rows(const struct op_call *call, const struct pool_map *map, int64_t image,
                         int begin, int end)
{
    if (!learns(map) && soft_strip_fits(map) &&
        ISA_NAME(soft_strip_forward)(map, image, call->in[0]->data, call->out[0]->data, begin, end))
        return;
    pool_window_rows_y(call, map, image, begin, end, soft_y);
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
        pool_window_band_dx(backward, map, image, begin, end, soft_dx_dbeta);
        return;
    }
    float *dx = (float *)call->in[0]->grad;
    if (backward->beta[0] == 0.0f && soft_strip_fits(map)) {
        pool_zero_uncovered(map, image, begin, end, dx);
        if (ISA_NAME(soft_strip_backward)(map, image, call->in[0]->data, call->out[0]->grad, dx,
                                          begin, end))
            return;
    }
    pool_window_band_dx(backward, map, image, begin, end, soft_dx);
}

enum status ISA_NAME(pool_soft_backward)(const struct op_backward_call *backward)
{
    return pool_run_backward(backward, &needs, backward_band, SOFT_STRIP_IN_ROWS);
}
