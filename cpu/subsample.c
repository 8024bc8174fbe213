#include <string.h>

#include "cpu/kernels.h"
#include "nn/ops_map.h"

// Along either axis a map is lines of n_in pieces of which y takes n_out.
struct pieces {
    size_t n_lines, n_in, n_out, floats, step, offset;
};

static struct pieces pieces_of(const struct op_call *call)
{
    const struct subsample_args *args = (const struct subsample_args *)call->args;
    const int64_t *x = call->in[0]->shape;
    bool is_rows = args->axis == SUBSAMPLE_ROWS;
    struct pieces p = {
        .n_lines = (size_t)(is_rows ? x[0] : x[0] * x[1]),
        .n_in = (size_t)x[args->axis],
        .n_out = (size_t)call->out[0]->shape[args->axis],
        .floats = (size_t)(is_rows ? x[2] * x[3] : x[3]),
        .step = (size_t)args->step,
        .offset = (size_t)args->offset,
    };
    return p;
}

enum status cpu_subsample_forward(const struct op_call *call)
{
    struct pieces p = pieces_of(call);
    const float *x = (const float *)call->in[0]->data;
    float *y = (float *)call->out[0]->data;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < p.n_lines * p.n_out; i++) {
        size_t in = i / p.n_out * p.n_in + p.offset + i % p.n_out * p.step;
        memcpy(y + i * p.floats, x + in * p.floats, p.floats * sizeof *y);
    }
    return OK;
}

enum status cpu_subsample_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    struct pieces p = pieces_of(call);
    const float *dy = (const float *)call->out[0]->grad;
    float *dx = (float *)call->in[0]->grad;
    bool adds = backward->beta[0] != 0.0f;
    if (!backward->want[0]) return OK;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < p.n_lines * p.n_in; i++) {
        size_t at = i % p.n_in;
        bool is_taken = at % p.step == p.offset && at / p.step < p.n_out;
        float *to = dx + i * p.floats;
        const float *from = dy + (i / p.n_in * p.n_out + at / p.step) * p.floats;
        if (!is_taken) {
            if (!adds) memset(to, 0, p.floats * sizeof *to);
        } else if (!adds) {
            memcpy(to, from, p.floats * sizeof *to);
        } else {
            for (size_t j = 0; j < p.floats; j++) to[j] += from[j];
        }
    }
    return OK;
}
