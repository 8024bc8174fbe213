#include "cpu/kernels.h"
#include "nn/limit.h"

enum status cpu_limit_values_forward(const struct op_call *call)
{
    const struct limit_args *args = call->args;
    const struct tensor *t = call->in[0];
    float *values = t->data;
    size_t n = tensor_count(t), n_sets = t->rank > 1 ? (size_t)t->shape[1] : 1;
    if (args->simplex)
        for (size_t set = 0; set < n_sets; set++)
            limit_simplex(values + set, (size_t)t->shape[0], n_sets);
    else
        for (size_t i = 0; i < n; i++) values[i] = limit_value(values[i], args->low, args->high);
    return OK;
}
