#include "backbone/pool/mixed.h"

#include "cuda/pool/define.h"

POOL_CUDA_WINDOW(mixed, 16, 1, 1, false, mixed_form, NULL, pool_same_value, pool_same_gradient)
