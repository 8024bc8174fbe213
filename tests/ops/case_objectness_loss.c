#include <math.h>

#include "base/rng.h"
#include "nn/ops_rcnn.h"
#include "tests/ops/case.h"

// Inputs: logits, sampled, n_sampled (of all levels, so it is no sum over `sampled` here).
#define IN(n, h, w, a, all)                                                                        \
    {                                                                                              \
        {.rank = 4, .shape = {n, h, w, a}, .low = -6.0f, .high = 6.0f},                            \
            {.dtype = DTYPE_U8, .rank = 2, .shape = {n, all}},                                     \
        {                                                                                          \
            .dtype = DTYPE_I32, .rank = 1, .shape = { 1 }                                          \
        }                                                                                          \
    }
#define ARGS(at, divisor)                                                                          \
    &(const struct objectness_loss_args)                                                           \
    {                                                                                              \
        .offset = at, .normalizer = divisor                                                        \
    }

static const struct op_case cases[] = {
    {.name = "1 anchor", .args = ARGS(0, 0.0), .in = IN(1, 1, 1, 1, 1)},
    {.name = "all anchors", .args = ARGS(0, 0.0), .in = IN(2, 5, 7, 3, 105), .whole_batch = true},
    {.name = "a later level", .args = ARGS(31, 0.0), .in = IN(2, 3, 4, 3, 90), .whole_batch = true},
    {.name = "fixed divisor",
     .args = ARGS(0, 512.0),
     .in = IN(2, 5, 7, 3, 105),
     .whole_batch = true},
    {.name = "large logits",
     .args = ARGS(0, 0.0),
     .in = {{.rank = 4, .shape = {1, 5, 7, 3}, .low = -90.0f, .high = 90.0f},
            {.dtype = DTYPE_U8, .rank = 2, .shape = {1, 105}},
            {.dtype = DTYPE_I32, .rank = 1, .shape = {1}}}},
};

static const struct op_refusal refusals[] = {
    {"more anchors than sampled", ARGS(0, 0.0), IN(1, 5, 7, 3, 104), ERR_USAGE, "objectness_loss"},
    {"offset beyond", ARGS(1, 0.0), IN(1, 5, 7, 3, 105), ERR_USAGE, "objectness_loss"},
};

static void prepare(const struct op_case *c, int input, void *data)
{
    int64_t n = c->in[1].shape[0] * c->in[1].shape[1];
    struct rng rng;
    rng_start(&rng, 22, RNG_TEST, (uint32_t)input);
    if (input == 1)
        for (int64_t i = 0; i < n; i++) ((uint8_t *)data)[i] = (uint8_t)rng_below(&rng, 3);
    if (input == 2) *(int32_t *)data = (int32_t)(n / 2);
}

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    struct tensor *loss;
    return objectness_loss(tape, in[0], in[1], in[2], (const struct objectness_loss_args *)args,
                           &loss);
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    const struct objectness_loss_args *args = (const struct objectness_loss_args *)c->args;
    const int64_t one = 1;
    int64_t n = in[0].shape[0], n_anchors = (int64_t)ref_count(&in[0]) / n;
    ref_shape(&out[0], 1, &one);
    for (int64_t image = 0; image < n; image++)
        for (int64_t i = 0; i < n_anchors; i++) {
            int sample = (int)in[1].v[image * in[1].shape[1] + args->offset + i];
            double x = in[0].v[image * n_anchors + i];
            if (sample == SAMPLE_POSITIVE) out[0].v[0] += log1p(exp(-x));
            if (sample == SAMPLE_NEGATIVE) out[0].v[0] += log1p(exp(x));
        }
    out[0].v[0] /= args->normalizer > 0.0 ? args->normalizer : fmax(in[2].v[0], 1.0);
}

const struct op_cases cases_objectness_loss = {
    CASES(cases), REFUSALS(refusals),     .differentiable = 1, .batched_in = 3,
    .run = run,   .reference = reference, .prepare = prepare,
};
