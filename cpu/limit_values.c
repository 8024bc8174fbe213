#include "cpu/kernels.h"

static void limit_range(float *values, size_t n, float low, float high)
{
    for (size_t i = 0; i < n; i++)
        values[i] = values[i] < low ? low : values[i] > high ? high : values[i];
}

static void limit_simplex(float *values, size_t n, size_t n_sets)
{
    for (size_t set = 0; set < n_sets; set++) {
        double sum = 0.0;
        for (size_t i = 0; i < n; i++) {
            float *v = &values[i * n_sets + set];
            if (!(*v > 0.0f)) *v = 0.0f;
            sum += (double)*v;
        }
        for (size_t i = 0; i < n; i++) {
            float *v = &values[i * n_sets + set];
            *v = sum > 0.0 ? (float)((double)*v / sum) : 1.0f / (float)n;
        }
    }
}

enum status cpu_limit_values_forward(const struct op_call *call)
{
    const struct limit_args *args = call->args;
    const struct tensor *t = call->in[0];
    if (args->simplex)
        limit_simplex(t->data, (size_t)t->shape[0], t->rank > 1 ? (size_t)t->shape[1] : 1);
    else
        limit_range(t->data, tensor_count(t), args->low, args->high);
    return OK;
}
