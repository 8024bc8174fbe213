#include "cpu/kernels.h"
#include "cpu/rows.h"

int64_t list_count(const struct tensor *count, int64_t capacity)
{
    if (!count) return capacity;
    int64_t n = *(const int32_t *)count->data;
    return n < 0 ? 0 : n < capacity ? n : capacity;
}

size_t list_floats(const struct tensor *t, int64_t n)
{
    return t->shape[0] > 0 ? tensor_count(t) / (size_t)t->shape[0] * (size_t)n : 0;
}

void list_zero_beyond(const struct tensor *t, float *values, int64_t n)
{
    size_t begin = list_floats(t, n);
    rows_zero(values + begin, tensor_count(t) - begin);
}

enum status zero_wanted(const struct op_backward_call *backward)
{
    struct backend *backend = backward->forward->backend;
    for (int i = 0; i < backward->forward->n_in; i++) {
        struct tensor *in = backward->forward->in[i];
        if (backward->want[i] && backward->beta[i] == 0.0f)
            TRY(backend->zero(backend, in->grad, tensor_count(in) * sizeof(float)));
    }
    return OK;
}
