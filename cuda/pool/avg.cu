#include "backbone/pool/avg.h"

#include "cuda/pool/define.h"
#include "cuda/pool/gather.h"

static enum status avg_forward(const struct op_call *call)
{
    struct pool_map map;
    TRY(pool_map_of(call, NULL, &map));
    return pool_window_forward<16, avg_y, pool_same_value>(call, &map, NULL);
}

static enum status avg_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    struct pool_map map;
    if (!backward->want[0] || !call->out[0]->grad) return OK;
    TRY(pool_map_of(call, NULL, &map));
    if (map_pixels(&map) == 0 || map.c == 0) return OK;
    pool_gather_backward<false>(backward, &map, NULL);
    return cuda_check(call, "pool avg");
}

POOL_CUDA(avg, avg_forward, avg_backward)
