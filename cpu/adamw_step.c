#include "cpu/kernels.h"
#include "cpu/optimizer_hot.h"

enum { CHUNK = 16384 };

enum status cpu_adamw_step_forward(const struct op_call *call)
{
    const struct adamw_args *args = call->args;
    float *values = call->in[0]->data, *first = call->in[2]->data, *second = call->in[3]->data;
    const float *grads = call->in[1]->data;
    struct adamw_factors factors = adamw_factors_of(args);
    float clip = step_clip(call->in[4] ? call->in[4]->data : NULL, args->max_norm);
    size_t n = tensor_count(call->in[0]);
#pragma omp parallel for schedule(static)
    for (size_t begin = 0; begin < n; begin += CHUNK) ISA_PICK(adamw_chunk)
    (args, &factors, clip, n - begin < CHUNK ? n - begin : CHUNK, values + begin, grads + begin,
     first + begin, second + begin);
    return OK;
}
