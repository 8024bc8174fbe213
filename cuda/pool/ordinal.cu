#include "backbone/pool/ordinal.h"

#include "cuda/pool/define.h"

POOL_CUDA_WINDOW(ordinal, 8, 4, 9, false, ordinal_form, NULL, ordinal_value_of,
                 ordinal_value_gradient)
