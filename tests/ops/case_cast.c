#include "nn/ops_map.h"
#include "tests/ops/case.h"

// To bf16 and back: tests/ops/cast.c.
static const struct op_case cases[] = {
    {"f32 to f32", &(const struct cast_args){DTYPE_F32}, .in = {{.rank = 4, .shape = {2, 5, 7, 17}}}, .linear = 1},
};

static const struct op_refusal refusals[] = {
    {"to integers", &(const struct cast_args){DTYPE_I32}, {{.rank = 1, .shape = {4}}}, ERR_USAGE, "cast"},
    {"from bytes", &(const struct cast_args){DTYPE_F32}, {{.dtype = DTYPE_U8, .rank = 1, .shape = {4}}}, ERR_USAGE, "cast"},
};

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    struct tensor *y;
    return cast(tape, in[0], (const struct cast_args *)args, &y);
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    (void)c;
    ref_shape(&out[0], in[0].rank, in[0].shape);
    for (size_t i = 0; i < ref_count(&in[0]); i++) out[0].v[i] = in[0].v[i];
}

const struct op_cases cases_cast = {
    CASES(cases),
    REFUSALS(refusals),
    .differentiable = 1,
    .batched_in = 1,
    .batched_out = 1,
    .run = run,
    .reference = reference,
};
