// Max pooling: y = max a_i; the gradient goes to the first maximum in row-major order. A NaN in the
// window is the result, as in PyTorch (the last one takes the gradient).
#ifndef TARN_BACKBONE_POOL_MAX_H
#define TARN_BACKBONE_POOL_MAX_H

#include "backbone/pool/math.h"

// Elements come in row-major order; the running maximum begins as the first of them.
POOL_INLINE lane_mask max_replaces(lanes a, lanes maximum)
{
    return lane_either(lane_greater(a, maximum), lane_not(lane_equal(a, a)));
}

#endif
