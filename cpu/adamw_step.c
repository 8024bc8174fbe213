#include <math.h>

#include "cpu/kernels.h"
#include "cpu/optimizer_hot.h"

enum { CHUNK = 16384 };

enum status cpu_adamw_step_forward(const struct op_call *call)
{
    const struct adamw_args *args = call->args;
    float *values = call->in[0]->data, *first = call->in[2]->data, *second = call->in[3]->data;
    const float *grads = call->in[1]->data;
    double step = (double)args->step, lr = (double)args->lr;
    struct adamw_chunk chunk = {
        .args = args,
        .clip = 1.0f,
        .rate = (float)(lr / (1.0 - pow((double)args->beta1, step))),
        .correction = (float)(1.0 / sqrt(1.0 - pow((double)args->beta2, step))),
        .keep = (float)(1.0 - lr * (double)args->weight_decay),
        .is_first = args->step == 1,
    };
    if (call->in[4]) {
        chunk.clip = args->max_norm / (sqrtf(*(const float *)call->in[4]->data) + 1e-6f);
        if (chunk.clip > 1.0f) chunk.clip = 1.0f; // a NaN norm stays NaN
    }
    size_t n = tensor_count(call->in[0]);
#pragma omp parallel for schedule(static)
    for (size_t begin = 0; begin < n; begin += CHUNK) ISA_PICK(adamw_chunk)
    (&chunk, n - begin < CHUNK ? n - begin : CHUNK, values + begin, grads + begin, first + begin,
     second + begin);
    return OK;
}
