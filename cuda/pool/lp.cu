#include "backbone/pool/lp.h"

#include "cuda/pool/define.h"

POOL_CUDA_WINDOW(lp, 8, 1, 1, false, lp_form, NULL, lp_value_of, lp_value_gradient)
