#include "nn/ops_map.h"
#include "tests/ops/case.h"

#define X(n, h, w, c) {.rank = 4, .shape = {n, h, w, c}}
#define ARGS(...) &(const struct blur_args){__VA_ARGS__}

static const struct op_case cases[] = {
    {"1/1", ARGS(1, 1, 1), .in = {X(1, 1, 1, 1)}, .linear = 1},
    {"2/2", ARGS(2, 2, 2), .in = {X(2, 6, 8, 17)}, .linear = 1},
    {"3/2 odd map", ARGS(3, 2, 2), .in = {X(2, 7, 9, 3)}, .linear = 1},
    {"4/2", ARGS(4, 2, 2), .in = {X(2, 8, 10, 64)}, .linear = 1},
    {"4/2 odd map", ARGS(4, 2, 2), .in = {X(2, 7, 9, 17)}, .linear = 1},
    {"5/1x3", ARGS(5, 1, 3), .in = {X(2, 6, 10, 3)}, .linear = 1},
    {"6/2", ARGS(6, 2, 2), .in = {X(1, 9, 8, 3)}, .linear = 1},
    {"7/4", ARGS(7, 4, 4), .in = {X(2, 13, 12, 3)}, .linear = 1},
    {"1/3 gaps", ARGS(1, 3, 3), .in = {X(2, 8, 7, 3)}, .linear = 1},
    {"one pixel", ARGS(7, 2, 2), .in = {X(2, 1, 1, 3)}, .linear = 1},
    {"reflected twice", ARGS(7, 2, 2), .in = {X(2, 2, 3, 3)}, .linear = 1},
};

static const struct op_refusal refusals[] = {
    {"no filter", ARGS(0, 2, 2), {X(1, 4, 4, 2)}, ERR_USAGE, "blur"},
    {"filter too large", ARGS(8, 2, 2), {X(1, 4, 4, 2)}, ERR_USAGE, "blur"},
    {"no stride", ARGS(4, 0, 2), {X(1, 4, 4, 2)}, ERR_USAGE, "blur"},
    {"not a map", ARGS(4, 2, 2), {{.rank = 2, .shape = {4, 4}}}, ERR_USAGE, "blur"},
};

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    struct tensor *y;
    return blur(tape, in[0], (const struct blur_args *)args, &y);
}

// Position i of a map of n that is continued by reflection: walked step by step.
static int64_t walk(int64_t i, int64_t n)
{
    if (n == 1) return 0;
    int64_t at = 0, direction = 1; // by symmetry, also to the left of 0
    for (int64_t left = i < 0 ? -i : i; left > 0; left--) {
        if (at + direction < 0 || at + direction >= n) direction = -direction;
        at += direction;
    }
    return at;
}

static double binomial(int n, int k)
{
    double value = 1.0;
    for (int i = 1; i <= k; i++) value = value * (n - k + i) / i;
    return value;
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    const struct blur_args *args = (const struct blur_args *)c->args;
    int64_t h = in[0].shape[1], w = in[0].shape[2], channels = in[0].shape[3];
    int64_t shape[] = {in[0].shape[0], (h + args->stride_h - 1) / args->stride_h,
                       (w + args->stride_w - 1) / args->stride_w, channels};
    ref_shape(&out[0], 4, shape);
    for (int64_t i = 0; i < (int64_t)ref_count(&out[0]); i++) {
        int64_t ch = i % channels, image = i / channels / shape[2] / shape[1];
        int64_t top = i / channels / shape[2] % shape[1] * args->stride_h - (args->size - 1) / 2;
        int64_t left = i / channels % shape[2] * args->stride_w - (args->size - 1) / 2;
        double sum = 0.0, weights = 0.0;
        for (int r = 0; r < args->size; r++)
            for (int q = 0; q < args->size; q++) {
                double weight = binomial(args->size - 1, r) * binomial(args->size - 1, q);
                int64_t at = ((image * h + walk(top + r, h)) * w + walk(left + q, w)) * channels;
                sum += weight * in[0].v[at + ch];
                weights += weight;
            }
        out[0].v[i] = sum / weights;
    }
}

const struct op_cases cases_blur = {
    CASES(cases),
    REFUSALS(refusals),
    .differentiable = 1,
    .batched_in = 1,
    .batched_out = 1,
    .run = run,
    .reference = reference,
};
