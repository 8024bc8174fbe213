#include "tests/ops/case.h"

static const struct op_case cases[] = {
    {.name = "1 element", .in = {{.rank = 4, .shape = {1, 1, 1, 1}}}},
    {.name = "odd", .in = {{.rank = 4, .shape = {2, 3, 5, 17}}}},
    {.name = "vector", .in = {{.rank = 1, .shape = {257}}}},
    {.name = "list", .in = {{.rank = 4, .shape = {9, 3, 5, 17}}}, .is_list = true, .n_valid = 5},
    {.name = "list of none", .in = {{.rank = 2, .shape = {9, 17}}}, .is_list = true, .n_valid = 0},
    {.name = "several blocks", .in = {{.rank = 4, .shape = {2, 20, 21, 64}}}},
};

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    (void)args;
    struct tensor *y;
    return relu(tape, in[0], &y);
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    (void)c;
    ref_shape(&out[0], in[0].rank, in[0].shape);
    for (size_t i = 0; i < ref_count(&in[0]); i++)
        out[0].v[i] = in[0].v[i] > 0.0 ? in[0].v[i] : 0.0;
}

const struct op_cases cases_relu = {
    CASES(cases),
    .differentiable = 1,
    .batched_in = 1,
    .batched_out = 1,
    .run = run,
    .reference = reference,
};
