#include "cpu/kernels.h"
#include "cpu/optimizer_hot.h"

// Small enough that the second loop over a chunk finds it in the first-level cache.
enum { CHUNK = 2048 };

enum status cpu_sgd_step_forward(const struct op_call *call)
{
    const struct sgd_args *args = call->args;
    float *values = call->in[0]->data, *velocity = call->in[2]->data;
    const float *grads = call->in[1]->data;
    float clip = step_clip(call->in[3] ? call->in[3]->data : NULL, args->max_norm);
    size_t n = tensor_count(call->in[0]);
#pragma omp parallel for schedule(static)
    for (size_t begin = 0; begin < n; begin += CHUNK) ISA_PICK(sgd_chunk)
    (args, clip, n - begin < CHUNK ? n - begin : CHUNK, values + begin, grads + begin,
     velocity + begin);
    return OK;
}
