#include "tests/ops/case.h"

#define X(n, h, w, c) {.rank = 4, .shape = {n, h, w, c}}

static const struct op_case cases[] = {
    {"1 pixel", .in = {X(1, 1, 1, 1), X(1, 1, 1, 1)}},
    {"1 pixel to a map", .in = {X(2, 1, 1, 3), X(2, 4, 5, 3)}},
    {"twice", .in = {X(2, 3, 4, 17), X(2, 6, 8, 17)}},
    {"twice less one", .in = {X(2, 4, 5, 64), X(2, 7, 9, 64)}},
    {"odd ratios", .in = {X(1, 3, 4, 3), X(1, 7, 11, 3)}},
    {"ratio below 2", .in = {X(1, 5, 6, 3), X(1, 6, 11, 3)}},
    {"the same size", .in = {X(1, 3, 4, 3), X(1, 3, 4, 3)}},
};

static const struct op_refusal refusals[] = {
    {"top is larger", .in = {X(1, 5, 4, 3), X(1, 4, 4, 3)}, .status = ERR_USAGE, .message = "upsample_add"},
    {"channels differ", .in = {X(1, 2, 2, 3), X(1, 4, 4, 4)}, .status = ERR_USAGE, .message = "upsample_add"},
    {"batches differ", .in = {X(2, 2, 2, 3), X(1, 4, 4, 3)}, .status = ERR_USAGE, .message = "upsample_add"},
};

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    (void)args;
    struct tensor *y;
    return upsample_add(tape, in[0], in[1], &y);
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    (void)c;
    const int64_t *t = in[0].shape, *l = in[1].shape;
    ref_shape(&out[0], 4, l);
    for (int64_t i = 0; i < (int64_t)ref_count(&out[0]); i++) {
        int64_t ch = i % l[3], x = i / l[3] % l[2], y = i / l[3] / l[2] % l[1];
        int64_t n = i / l[3] / l[2] / l[1];
        int64_t from_y = y * t[1] / l[1], from_x = x * t[2] / l[2];
        out[0].v[i] = in[1].v[i] + in[0].v[((n * t[1] + from_y) * t[2] + from_x) * t[3] + ch];
    }
}

const struct op_cases cases_upsample_add = {
    CASES(cases),
    REFUSALS(refusals),
    .differentiable = 3,
    .batched_in = 3,
    .batched_out = 1,
    .run = run,
    .reference = reference,
};
