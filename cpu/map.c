#include <string.h>

#include "cpu/kernels.h"
#include "cpu/map_hot.h"
#include "nn/ops_map.h"

// Operations on single elements: combine, logistic, cast. Blocks are parallel.
enum { BLOCK_FLOATS = 1 << 14 };

struct block {
    size_t begin, n;
};

static struct block block_at(size_t i, size_t n)
{
    struct block block = {i * BLOCK_FLOATS, BLOCK_FLOATS};
    if (block.begin + block.n > n) block.n = n - block.begin;
    return block;
}

static size_t n_blocks(size_t n)
{
    return (n + BLOCK_FLOATS - 1) / BLOCK_FLOATS;
}

static void add(float *y, const float *x, float a, bool adds, size_t n)
{
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n_blocks(n); i++) {
        struct block b = block_at(i, n);
        ISA_PICK(map_add)(y + b.begin, x + b.begin, a, adds, b.n);
    }
}

enum status cpu_combine_forward(const struct op_call *call)
{
    const struct combine_args *args = (const struct combine_args *)call->args;
    const float *u = (const float *)call->in[0]->data, *v = (const float *)call->in[1]->data;
    float *y = (float *)call->out[0]->data;
    size_t n = tensor_count(call->out[0]);
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n_blocks(n); i++) {
        struct block b = block_at(i, n);
        ISA_PICK(map_add)(y + b.begin, u + b.begin, args->a, false, b.n);
        ISA_PICK(map_add)(y + b.begin, v + b.begin, args->b, true, b.n);
    }
    return OK;
}

enum status cpu_combine_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    const struct combine_args *args = (const struct combine_args *)call->args;
    const float *dy = (const float *)call->out[0]->grad;
    size_t n = tensor_count(call->out[0]);
    if (backward->want[0])
        add((float *)call->in[0]->grad, dy, args->a, backward->beta[0] != 0.0f, n);
    if (backward->want[1])
        add((float *)call->in[1]->grad, dy, args->b, backward->beta[1] != 0.0f, n);
    return OK;
}

enum status cpu_logistic_forward(const struct op_call *call)
{
    const struct logistic_args *args = (const struct logistic_args *)call->args;
    const float *x = (const float *)call->in[0]->data;
    float *y = (float *)call->out[0]->data;
    size_t n = tensor_count(call->out[0]);
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n_blocks(n); i++) {
        struct block b = block_at(i, n);
        ISA_PICK(map_logistic)(y + b.begin, x + b.begin, args, b.n);
    }
    return OK;
}

enum status cpu_logistic_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    const struct logistic_args *args = (const struct logistic_args *)call->args;
    const float *y = (const float *)call->out[0]->data, *dy = (const float *)call->out[0]->grad;
    float *dx = (float *)call->in[0]->grad;
    bool adds = backward->beta[0] != 0.0f;
    size_t n = tensor_count(call->out[0]);
    if (!backward->want[0]) return OK;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n_blocks(n); i++) {
        struct block b = block_at(i, n);
        ISA_PICK(map_logistic_backward)
        (dx + b.begin, dy + b.begin, y + b.begin, args, adds, b.n);
    }
    return OK;
}

enum status cpu_cast_forward(const struct op_call *call)
{
    const struct tensor *x = call->in[0], *y = call->out[0];
    size_t n = tensor_count(y), size = dtype_bytes(y->dtype);
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n_blocks(n); i++) {
        struct block b = block_at(i, n);
        char *to = (char *)y->data + b.begin * size;
        const char *from = (const char *)x->data + b.begin * dtype_bytes(x->dtype);
        if (x->dtype == y->dtype)
            memcpy(to, from, b.n * size);
        else if (y->dtype == DTYPE_F32)
            ISA_PICK(map_from_half)((float *)(void *)to, (const uint16_t *)(const void *)from, b.n);
        else
            ISA_PICK(map_to_half)((uint16_t *)(void *)to, (const float *)(const void *)from, b.n);
    }
    return OK;
}

// Gradients are f32 whatever the types.
enum status cpu_cast_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    if (backward->want[0])
        add((float *)call->in[0]->grad, (const float *)call->out[0]->grad, 1.0f,
            backward->beta[0] != 0.0f, tensor_count(call->out[0]));
    return OK;
}
