#include "backbone/pool/gated.h"

#include "cuda/pool/define.h"

POOL_CUDA_WINDOW(gated, 8, 4, 9, false, gated_form, NULL, pool_same_value, pool_same_gradient)
