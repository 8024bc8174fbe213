#include <assert.h>

#include "cpu/kernels.h"

// A pool that is a composition of operations (build) never comes here.

enum status cpu_pool_forward(const struct op_call *call)
{
    const struct pool_op_args *args = call->args;
    assert(args->def->cpu_forward);
    return args->def->cpu_forward(call);
}

enum status cpu_pool_backward(const struct op_backward_call *backward)
{
    const struct pool_op_args *args = backward->forward->args;
    assert(args->def->cpu_backward);
    return args->def->cpu_backward(backward);
}
