// Max pooling: y = max a_i; the gradient goes to the first maximum in row-major order. A NaN in the
// window is the result, as in PyTorch (the last one takes the gradient).
#ifndef TARN_BACKBONE_POOL_MAX_H
#define TARN_BACKBONE_POOL_MAX_H

#include <stdbool.h>

#include "backbone/pool/math.h"

// Elements come in row-major order; the running maximum begins as the first of them.
POOL_INLINE bool max_replaces(float a, float maximum)
{
    return (a > maximum) | (a != a);
}

#endif
