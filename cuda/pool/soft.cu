#include "backbone/pool/soft.h"

#include "cuda/pool/define.h"

static enum status soft_forward_of(const struct op_call *call)
{
    struct pool_map map;
    TRY(pool_map_of(call, NULL, &map));
    return pool_window_forward<16, soft_y, soft_value_of>(call, &map, soft_form);
}

static enum status soft_backward_of(const struct op_backward_call *backward)
{
    struct pool_map map;
    TRY(pool_map_of(backward->forward, NULL, &map));
    if (backward->forward->n_in > 1) // beta is learned
        return pool_window_backward<8, 1, 1, false, soft_dx_dbeta, soft_value_of,
                                    soft_value_gradient>(backward, &map, soft_form);
    return pool_window_backward<16, 0, 0, false, soft_dx, soft_value_of, soft_value_gradient>(
        backward, &map, soft_form);
}

POOL_CUDA(soft, soft_forward_of, soft_backward_of)
