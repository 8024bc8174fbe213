#include <math.h>

#include "tests/ops/case.h"

#define X(n, h, w, c)   {.rank = 4, .shape = {n, h, w, c}}
#define FAR(n, h, w, c) {.rank = 4, .shape = {n, h, w, c}, .low = 99.0f, .high = 101.0f}
#define C(c)            {.rank = 1, .shape = {c}}
#define ARGS(g, r)      &(const struct group_norm_args){.groups = g, .eps = 1e-3f, .relu = r}

static const struct op_case cases[] = {
    {"c1", ARGS(1, false), .in = {X(2, 3, 4, 1), C(1), C(1)}},
    {"c3 in 3 groups", ARGS(3, false), .in = {X(2, 3, 4, 3), C(3), C(3)}},
    {"c17 in 1 group", ARGS(1, true), .in = {X(2, 3, 5, 17), C(17), C(17)}},
    {"c64 in 32 groups residual", ARGS(32, false), .in = {X(2, 3, 5, 64), C(64), C(64), X(2, 3, 5, 64)}},
    {"c64 in 8 groups residual relu", ARGS(8, true), .in = {X(2, 3, 5, 64), C(64), C(64), X(2, 3, 5, 64)}},
    {"1 pixel", ARGS(2, false), .in = {X(2, 1, 1, 16), C(16), C(16)}},
    {"several blocks", ARGS(2, true), .in = {X(2, 19, 23, 6), C(6), C(6)}},
    {"far from zero", ARGS(3, false), .in = {FAR(2, 19, 23, 6), C(6), C(6)}, .tolerance = 1e-4},
};

static const struct op_refusal refusals[] = {
    {"groups do not divide", ARGS(3, false), .in = {X(2, 3, 4, 16), C(16), C(16)}, .status = ERR_USAGE, .message = "16 channels"},
    {"no groups", ARGS(0, false), .in = {X(2, 3, 4, 16), C(16), C(16)}, .status = ERR_USAGE, .message = "0 groups"},
    {"gamma too short", ARGS(2, false), .in = {X(2, 3, 4, 16), C(15), C(16)}, .status = ERR_USAGE, .message = "gamma"},
};

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    struct tensor *y;
    return group_norm(tape, in[0], in[1], in[2], in[3], (const struct group_norm_args *)args, &y);
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    const struct group_norm_args *args = (const struct group_norm_args *)c->args;
    int64_t channels = in[0].shape[3], pixels = in[0].shape[1] * in[0].shape[2];
    int64_t width = channels / args->groups, saved[] = {in[0].shape[0], args->groups};
    ref_shape(&out[0], 4, in[0].shape);
    ref_shape(&out[1], 2, saved);
    ref_shape(&out[2], 2, saved);
    for (int64_t set = 0; set < saved[0] * saved[1]; set++) {
        int64_t first = set / saved[1] * pixels * channels + set % saved[1] * width;
        double mean = 0.0, var = 0.0, count = (double)(pixels * width);
        for (int64_t i = 0; i < pixels * width; i++)
            mean += in[0].v[first + i / width * channels + i % width] / count;
        for (int64_t i = 0; i < pixels * width; i++)
            var += pow(in[0].v[first + i / width * channels + i % width] - mean, 2.0) / count;
        out[1].v[set] = mean;
        out[2].v[set] = 1.0 / sqrt(var + (double)args->eps);
        for (int64_t i = 0; i < pixels * width; i++) {
            int64_t at = first + i / width * channels + i % width, ch = at % channels;
            double y = (in[0].v[at] - mean) * out[2].v[set] * in[1].v[ch] + in[2].v[ch];
            if (in[3].rank) y += in[3].v[at];
            out[0].v[at] = args->relu && y < 0.0 ? 0.0 : y;
        }
    }
}

const struct op_cases cases_group_norm = {
    CASES(cases),
    REFUSALS(refusals),
    .differentiable = 1u << 0 | 1u << 1 | 1u << 2 | 1u << 3,
    .batched_in = 1u << 0 | 1u << 3,
    .batched_out = 7,
    .run = run,
    .reference = reference,
};
