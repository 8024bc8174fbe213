#include "base/mem.h"
#include "nn/params.h"

static void limit_range(float *values, size_t n, const struct param_limit *limit)
{
    float low = (float)limit->low, high = (float)limit->high;
    for (size_t i = 0; i < n; i++)
        values[i] = values[i] < low ? low : values[i] > high ? high : values[i];
}

// Negative values become 0, the others are divided by their sum; a set without any positive value
// starts again from equal ones.
static void limit_simplex(float *values, const struct tensor *t)
{
    size_t n = (size_t)t->shape[0], n_sets = t->rank > 1 ? (size_t)t->shape[1] : 1;
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

static enum status limit_one(struct params *params, struct param *param)
{
    struct backend *backend = params->backend;
    size_t n = tensor_count(&param->tensor), bytes = tensor_bytes(&param->tensor);
    float *values = (float *)mem_alloc(n, sizeof *values);
    if (!values) return ERR_MEMORY;
    enum status status = OK;
    GUARD(backend->download(backend, values, param->tensor.data, bytes));
    if (param->limit.kind == PARAM_RANGE)
        limit_range(values, n, &param->limit);
    else
        limit_simplex(values, &param->tensor);
    GUARD(backend->upload(backend, param->tensor.data, values, bytes));
    GUARD(backend->synchronize(backend));
done:
    mem_free(values);
    return status;
}

enum status params_limit(struct params *params)
{
    for (size_t i = 0; i < params->n; i++) {
        struct param *param = params->items[i];
        if (param->trainable && param->limit.kind != PARAM_FREE) TRY(limit_one(params, param));
    }
    return OK;
}
