#include "nn/ops_map.h"
#include "tests/ops/case.h"

#define X(n, h, w, c) {.rank = 4, .shape = {n, h, w, c}}
#define ROWS(step, offset) &(const struct subsample_args){SUBSAMPLE_ROWS, step, offset}
#define COLUMNS(step, offset) &(const struct subsample_args){SUBSAMPLE_COLUMNS, step, offset}

static const struct op_case cases[] = {
    {"every row", ROWS(1, 0), .in = {X(1, 1, 1, 1)}, .linear = 1},
    {"even rows", ROWS(2, 0), .in = {X(2, 6, 5, 3)}, .linear = 1},
    {"odd rows of an odd map", ROWS(2, 1), .in = {X(2, 7, 5, 17)}, .linear = 1},
    {"even columns of an odd map", COLUMNS(2, 0), .in = {X(2, 3, 7, 17)}, .linear = 1},
    {"odd columns", COLUMNS(2, 1), .in = {X(2, 5, 8, 64)}, .linear = 1},
    {"every third column", COLUMNS(3, 2), .in = {X(2, 5, 11, 3)}, .linear = 1},
};

static const struct op_refusal refusals[] = {
    {"offset beyond the step", ROWS(2, 2), {X(1, 4, 4, 2)}, ERR_USAGE, "subsample"},
    {"step beyond the map", COLUMNS(5, 0), {X(1, 8, 4, 2)}, ERR_USAGE, "subsample"},
    {"along channels", &(const struct subsample_args){3, 2, 0}, {X(1, 4, 4, 2)}, ERR_USAGE,
     "subsample"},
    {"not a map", ROWS(2, 0), {{.rank = 2, .shape = {4, 4}}}, ERR_USAGE, "subsample"},
};

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    struct tensor *y;
    return subsample(tape, in[0], (const struct subsample_args *)args, &y);
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    const struct subsample_args *args = (const struct subsample_args *)c->args;
    const int64_t *x = in[0].shape;
    int64_t shape[] = {x[0], x[1], x[2], x[3]}, n = 0;
    shape[args->axis] = x[args->axis] / args->step;
    ref_shape(&out[0], 4, shape);
    for (int64_t i = 0; i < (int64_t)ref_count(&in[0]); i++) {
        int64_t at[] = {i / x[3] / x[2] / x[1], i / x[3] / x[2] % x[1], i / x[3] % x[2]};
        int64_t along = at[args->axis];
        if (along % args->step == args->offset && along / args->step < shape[args->axis])
            out[0].v[n++] = in[0].v[i];
    }
}

const struct op_cases cases_subsample = {
    CASES(cases),
    REFUSALS(refusals),
    .differentiable = 1,
    .batched_in = 1,
    .batched_out = 1,
    .run = run,
    .reference = reference,
};
