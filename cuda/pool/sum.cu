#include "cuda/pool/define.h"

// The kernels of the average, whose form tells them to divide by one.

static enum status sum_forward(const struct op_call *call)
{
    return cuda_pool_avg.forward(call);
}

static enum status sum_backward(const struct op_backward_call *backward)
{
    return cuda_pool_avg.backward(backward);
}

POOL_CUDA(sum, sum_forward, sum_backward)
