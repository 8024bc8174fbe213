#include "nn/ops_map.h"
#include "tests/ops/case.h"

#define X(n, h, w, c) {.rank = 4, .shape = {n, h, w, c}}
#define ARGS(a, b) &(const struct combine_args){a, b}

static const struct op_case cases[] = {
    {"one value", ARGS(2.0f, -1.0f), .in = {X(1, 1, 1, 1), X(1, 1, 1, 1)}},
    {"difference", ARGS(1.0f, -1.0f), .in = {X(2, 5, 7, 17), X(2, 5, 7, 17)}},
    {"mean", ARGS(0.5f, 0.5f), .in = {X(2, 3, 4, 64), X(2, 3, 4, 64)}},
    {"several blocks", ARGS(0.25f, 3.0f), .in = {X(3, 41, 67, 5), X(3, 41, 67, 5)}},
    {"vectors", ARGS(1.0f, 1.0f), .in = {{.rank = 1, .shape = {9}}, {.rank = 1, .shape = {9}}}, .whole_batch = true},
};

static const struct op_refusal refusals[] = {
    {"shapes differ", ARGS(1.0f, 1.0f), {X(1, 4, 4, 2), X(1, 4, 2, 4)}, ERR_USAGE, "combine"},
};

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    struct tensor *y;
    return combine(tape, in[0], in[1], (const struct combine_args *)args, &y);
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    const struct combine_args *args = (const struct combine_args *)c->args;
    ref_shape(&out[0], in[0].rank, in[0].shape);
    for (size_t i = 0; i < ref_count(&in[0]); i++)
        out[0].v[i] = (double)args->a * in[0].v[i] + (double)args->b * in[1].v[i];
}

const struct op_cases cases_combine = {
    CASES(cases),
    REFUSALS(refusals),
    .differentiable = 3,
    .batched_in = 3,
    .batched_out = 1,
    .run = run,
    .reference = reference,
};
