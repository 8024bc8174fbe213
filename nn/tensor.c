#include "nn/tensor.h"

#include <inttypes.h>
#include <stdio.h>

size_t dtype_bytes(enum dtype dtype)
{
    switch (dtype) {
    case DTYPE_F32:
    case DTYPE_I32: return 4;
    case DTYPE_BF16: return 2;
    case DTYPE_U8: return 1;
    }
    return 0;
}

const char *dtype_name(enum dtype dtype)
{
    static const char *const names[] = {"f32", "bf16", "i32", "u8"};
    return names[dtype];
}

size_t tensor_count(const struct tensor *t)
{
    size_t n = 1;
    for (int i = 0; i < t->rank; i++) n *= (size_t)t->shape[i];
    return n;
}

size_t tensor_bytes(const struct tensor *t)
{
    return tensor_count(t) * dtype_bytes(t->dtype);
}

bool tensor_same_shape(const struct tensor *a, const struct tensor *b)
{
    if (a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (a->shape[i] != b->shape[i]) return false;
    return true;
}

const char *tensor_text(const struct tensor *t, char text[TENSOR_TEXT_BYTES])
{
    size_t used = 0;
    for (int i = 0; i < t->rank && used < TENSOR_TEXT_BYTES; i++) {
        int n = snprintf(text + used, TENSOR_TEXT_BYTES - used, "%s%" PRId64, i ? "x" : "",
                         t->shape[i]);
        used += n > 0 ? (size_t)n : 0;
    }
    if (used < TENSOR_TEXT_BYTES)
        snprintf(text + used, TENSOR_TEXT_BYTES - used, " %s", dtype_name(t->dtype));
    return text;
}

struct tensor tensor_wrap(enum dtype dtype, int rank, const int64_t *shape, void *data)
{
    struct tensor t = {.dtype = dtype, .rank = rank, .shape = {1, 1, 1, 1}, .data = data};
    t.is_constant = true;
    for (int i = 0; i < rank; i++) t.shape[i] = shape[i];
    return t;
}
