#include "backbone/pool/ada.h"

#include "cuda/pool/define.h"

POOL_CUDA_WINDOW(ada, 8, 1, 1, false, ada_form, NULL, pool_same_value, pool_same_gradient)
