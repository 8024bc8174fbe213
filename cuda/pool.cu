#include "cuda/kernels.h"
#include "cuda/pool/registry.h"

// A pool that is a composition of operations (build) never comes here.

enum status cuda_pool_forward(const struct op_call *call)
{
    const struct cuda_pool *pool;
    TRY(cuda_pool_find(((const struct pool_op_args *)call->args)->def, &pool));
    return pool->forward(call);
}

enum status cuda_pool_backward(const struct op_backward_call *backward)
{
    const struct cuda_pool *pool;
    TRY(cuda_pool_find(((const struct pool_op_args *)backward->forward->args)->def, &pool));
    return pool->backward(backward);
}
