#include "cuda/pool/define.h"

// The kernels of the learned norm, with a fixed p and without 1/n.

static enum status power_forward(const struct op_call *call)
{
    return cuda_pool_lp.forward(call);
}

static enum status power_backward(const struct op_backward_call *backward)
{
    return cuda_pool_lp.backward(backward);
}

POOL_CUDA(power, power_forward, power_backward)
