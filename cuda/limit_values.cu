#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "nn/limit.h"

static __global__ void limit_range_kernel(float *values, size_t n, float low, float high)
{
    for (size_t i = CUDA_FIRST; i < n; i += CUDA_STEP)
        values[i] = limit_value(values[i], low, high);
}

// A thread a set: their sums are taken in the order of the CPU's.
static __global__ void limit_simplex_kernel(float *values, size_t n, size_t n_sets)
{
    for (size_t set = CUDA_FIRST; set < n_sets; set += CUDA_STEP)
        limit_simplex(values + set, n, n_sets);
}

enum status cuda_limit_values_forward(const struct op_call *call)
{
    const struct limit_args *args = (const struct limit_args *)call->args;
    const struct tensor *t = call->in[0];
    size_t n = tensor_count(t), n_sets = t->rank > 1 ? (size_t)t->shape[1] : 1;
    if (n == 0) return OK;
    if (args->simplex)
        CUDA_LAUNCH(limit_simplex_kernel, cuda_blocks(n_sets), CUDA_BLOCK, 0, cuda_stream(call),
                    (float *)t->data, (size_t)t->shape[0], n_sets);
    else
        CUDA_LAUNCH(limit_range_kernel, cuda_blocks(n), CUDA_BLOCK, 0, cuda_stream(call),
                    (float *)t->data, n, args->low, args->high);
    return cuda_check(call, "limit_values");
}
