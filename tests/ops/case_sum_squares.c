#include "tests/ops/case.h"

static const struct op_case cases[] = {
    {.name = "1 element", .in = {{.rank = 1, .shape = {1}}}},
    {.name = "odd", .in = {{.rank = 1, .shape = {17}}}},
    {.name = "a map", .in = {{.rank = 4, .shape = {2, 3, 5, 17}}}},
    {.name = "several chunks", .in = {{.rank = 1, .shape = {50001}}}, .tolerance = 1e-7},
    {.name = "large values", .in = {{.rank = 1, .shape = {40000}, .low = 0.0f, .high = 1e16f}}},
};

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    (void)args;
    struct tensor *out;
    return sum_squares(tape, in[0], &out);
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    (void)c;
    const int64_t one = 1;
    ref_shape(&out[0], 1, &one);
    for (size_t i = 0; i < ref_count(&in[0]); i++) out[0].v[0] += in[0].v[i] * in[0].v[i];
}

const struct op_cases cases_sum_squares = {
    CASES(cases),
    .run = run,
    .reference = reference,
};
