#include <math.h>

#include "nn/ops_map.h"
#include "tests/ops/case.h"

#define X(n, h, w, c) {.rank = 4, .shape = {n, h, w, c}, .low = -6.0f, .high = 6.0f}
#define ARGS(slope, scale, shift) &(const struct logistic_args){slope, scale, shift}

static const struct op_case cases[] = {
    {"sigmoid", ARGS(1.0f, 1.0f, 0.0f), .in = {X(2, 5, 7, 17)}},
    {"gate of 12", ARGS(1.0f, 12.0f, 0.0f), .in = {X(2, 3, 4, 64)}},
    {"tanh", ARGS(2.0f, 2.0f, -1.0f), .in = {X(3, 41, 67, 5)}},
    {"far out", ARGS(1.0f, 1.0f, 0.0f),
     .in = {{.rank = 1, .shape = {33}, .low = -1e4f, .high = 1e4f}}, .whole_batch = true},
};

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    struct tensor *y;
    return logistic(tape, in[0], (const struct logistic_args *)args, &y);
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    const struct logistic_args *args = (const struct logistic_args *)c->args;
    ref_shape(&out[0], in[0].rank, in[0].shape);
    for (size_t i = 0; i < ref_count(&in[0]); i++)
        out[0].v[i] =
            (double)args->shift + (double)args->scale / (1.0 + exp(-(double)args->slope * in[0].v[i]));
}

const struct op_cases cases_logistic = {
    CASES(cases),
    .differentiable = 1,
    .batched_in = 1,
    .batched_out = 1,
    .run = run,
    .reference = reference,
};
