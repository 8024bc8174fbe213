#include <math.h>

#include "tests/ops/case.h"

#define X(n, h, w, c)  {.rank = 4, .shape = {n, h, w, c}}
#define FAR(n, h, w, c) {.rank = 4, .shape = {n, h, w, c}, .low = 99.0f, .high = 101.0f}
#define C(c)           {.rank = 1, .shape = {c}}
#define VAR(c)         {.rank = 1, .shape = {c}, .low = 0.5f, .high = 2.0f}
#define NORM(c)        C(c), C(c), C(c), VAR(c)
#define ARGS(r)        &(const struct batch_norm_args){.eps = 1e-3f, .momentum = 0.1f, .relu = r}
#define TRAINING       .training = true, .whole_batch = true

static const struct op_case cases[] = {
    {"running c1", ARGS(false), .in = {X(2, 3, 4, 1), NORM(1)}},
    {"running c3", ARGS(false), .in = {X(2, 3, 4, 3), NORM(3)}},
    {"running c17 relu", ARGS(true), .in = {X(2, 3, 5, 17), NORM(17)}},
    {"running c64 residual", ARGS(false), .in = {X(2, 3, 5, 64), NORM(64), X(2, 3, 5, 64)}},
    {"running c64 residual relu", ARGS(true), .in = {X(2, 3, 5, 64), NORM(64), X(2, 3, 5, 64)}},
    {"running 1 pixel", ARGS(true), .in = {X(1, 1, 1, 3), NORM(3)}},
    {"batch c1", ARGS(false), .in = {X(2, 3, 4, 1), NORM(1)}, TRAINING},
    {"batch c3", ARGS(false), .in = {X(2, 3, 4, 3), NORM(3)}, TRAINING},
    {"batch c17 relu", ARGS(true), .in = {X(2, 3, 5, 17), NORM(17)}, TRAINING},
    {"batch c64 residual", ARGS(false), .in = {X(2, 3, 5, 64), NORM(64), X(2, 3, 5, 64)}, TRAINING},
    {"batch c64 residual relu", ARGS(true), .in = {X(2, 3, 5, 64), NORM(64), X(2, 3, 5, 64)}, TRAINING},
    {"batch of several blocks", ARGS(true), .in = {X(2, 19, 23, 17), NORM(17)}, TRAINING},
    {"batch of two pixels", ARGS(false), .in = {X(1, 1, 2, 3), NORM(3)}, TRAINING, .tolerance = 1e-3},
    {"batch far from zero", ARGS(false), .in = {FAR(2, 19, 23, 3), NORM(3)}, TRAINING, .tolerance = 1e-4},
};

static const struct op_refusal refusals[] = {
    {"gamma too short", ARGS(false), .in = {X(2, 3, 4, 3), C(2), C(3), C(3), VAR(3)}, .status = ERR_USAGE, .message = "gamma"},
    {"variance too long", ARGS(false), .in = {X(2, 3, 4, 3), C(3), C(3), C(3), VAR(4)}, .status = ERR_USAGE, .message = "running_var"},
    {"residual of another shape", ARGS(false), .in = {X(2, 3, 4, 3), NORM(3), X(2, 3, 3, 3)}, .status = ERR_USAGE, .message = "residual"},
};

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    struct tensor *y;
    return batch_norm(tape, in[0], in[1], in[2], in[3], in[4], in[5],
                      (const struct batch_norm_args *)args, &y);
}

static void statistics(const struct op_case *c, struct ref *in, int64_t ch, double *mean,
                       double *rstd)
{
    const struct batch_norm_args *args = (const struct batch_norm_args *)c->args;
    int64_t channels = in[0].shape[3], rows = (int64_t)ref_count(&in[0]) / channels;
    double m = in[3].v[ch], var = in[4].v[ch];
    if (c->training) {
        m = var = 0.0;
        for (int64_t i = 0; i < rows; i++) m += in[0].v[i * channels + ch] / (double)rows;
        for (int64_t i = 0; i < rows; i++) var += pow(in[0].v[i * channels + ch] - m, 2.0);
        double momentum = (double)args->momentum, unbiased = var / (double)(rows - 1);
        var /= (double)rows;
        in[3].v[ch] = (1.0 - momentum) * in[3].v[ch] + momentum * m;
        in[4].v[ch] = (1.0 - momentum) * in[4].v[ch] + momentum * unbiased;
    }
    *mean = m;
    *rstd = 1.0 / sqrt(var + (double)args->eps);
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    const struct batch_norm_args *args = (const struct batch_norm_args *)c->args;
    int64_t channels = in[0].shape[3], n = (int64_t)ref_count(&in[0]);
    ref_shape(&out[0], 4, in[0].shape);
    ref_shape(&out[1], 1, &channels);
    ref_shape(&out[2], 1, &channels);
    for (int64_t ch = 0; ch < channels; ch++) statistics(c, in, ch, &out[1].v[ch], &out[2].v[ch]);
    for (int64_t i = 0; i < n; i++) {
        int64_t ch = i % channels;
        double y = (in[0].v[i] - out[1].v[ch]) * out[2].v[ch] * in[1].v[ch] + in[2].v[ch];
        if (in[5].rank) y += in[5].v[i];
        out[0].v[i] = args->relu && y < 0.0 ? 0.0 : y;
    }
}

const struct op_cases cases_batch_norm = {
    CASES(cases),
    REFUSALS(refusals),
    .differentiable = 1u << 0 | 1u << 1 | 1u << 2 | 1u << 5,
    .in_place = 1u << 3 | 1u << 4,
    .batched_in = 1u << 0 | 1u << 5,
    .batched_out = 1,
    .run = run,
    .reference = reference,
};
