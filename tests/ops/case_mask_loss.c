#include <math.h>

#include "nn/ops_rcnn.h"
#include "tests/ops/case.h"

// Inputs: logits, targets, labels, positives, n_positive.
struct mask_case {
    struct mask_loss_args args;
    int count;
};

#define IN(p, size, k, c, limit)                                                                   \
    {                                                                                              \
        {.rank = 4, .shape = {p, size, size, k}, .low = -(limit), .high = limit},                  \
            {.rank = 3, .shape = {p, size, size}, .low = 0.0f, .high = 1.0f},                      \
            {.dtype = DTYPE_I32, .rank = 1, .shape = {c}},                                         \
            {.dtype = DTYPE_I32, .rank = 1, .shape = {p}},                                         \
        {                                                                                          \
            .dtype = DTYPE_I32, .rank = 1, .shape = { 1 }                                          \
        }                                                                                          \
    }
#define ARGS(agnostic, n)                                                                          \
    &(const struct mask_case)                                                                      \
    {                                                                                              \
        {.class_agnostic = agnostic}, n                                                            \
    }

static const struct op_case cases[] = {
    {.name = "1 mask", .args = ARGS(false, 1), .in = IN(1, 1, 2, 1, 3.0f)},
    {.name = "several", .args = ARGS(false, 6), .in = IN(6, 5, 7, 20, 3.0f)},
    {.name = "class-agnostic", .args = ARGS(true, 6), .in = IN(6, 5, 1, 20, 3.0f)},
    {.name = "large logits", .args = ARGS(false, 6), .in = IN(6, 5, 3, 20, 80.0f)},
    {.name = "fewer than there is room for", .args = ARGS(false, 2), .in = IN(6, 5, 7, 20, 3.0f)},
    {.name = "none", .args = ARGS(false, 0), .in = IN(6, 5, 7, 20, 3.0f)},
};

static const struct op_refusal refusals[] = {
    {"masks of classes where one is for all", ARGS(true, 1), IN(2, 5, 3, 9, 3.0f), ERR_USAGE,
     "mask_loss"},
    {"targets of another size",
     ARGS(false, 1),
     {{.rank = 4, .shape = {2, 5, 5, 3}},
      {.rank = 3, .shape = {2, 4, 4}},
      {.dtype = DTYPE_I32, .rank = 1, .shape = {9}},
      {.dtype = DTYPE_I32, .rank = 1, .shape = {2}},
      {.dtype = DTYPE_I32, .rank = 1, .shape = {1}}},
     ERR_USAGE,
     "targets"},
};

static void prepare(const struct op_case *c, int input, void *data)
{
    const struct mask_case *own = (const struct mask_case *)c->args;
    const int64_t *shape = c->in[input].shape;
    int64_t n_classes = own->args.class_agnostic ? 50 : c->in[0].shape[3];
    int32_t *integers = (int32_t *)data;
    for (int64_t i = 0; input == 2 && i < shape[0]; i++)
        integers[i] = (int32_t)(1 + i % (n_classes - 1));
    for (int64_t i = 0; input == 3 && i < shape[0]; i++)
        integers[i] = (int32_t)(3 * i % c->in[2].shape[0]);
    if (input == 4) *integers = own->count;
}

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    struct tensor *loss;
    const struct roi_samples samples = {.labels = in[2], .positives = in[3], .n_positive = in[4]};
    return mask_loss(tape, in[0], in[1], &samples, &((const struct mask_case *)args)->args, &loss);
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    const struct mask_case *own = (const struct mask_case *)c->args;
    const int64_t one = 1;
    int64_t n_pixels = in[0].shape[1] * in[0].shape[2], n_channels = in[0].shape[3];
    ref_shape(&out[0], 1, &one);
    for (int64_t i = 0; i < own->count * n_pixels; i++) {
        int64_t label = (int64_t)in[2].v[(int64_t)in[3].v[i / n_pixels]];
        double x = in[0].v[i * n_channels + (own->args.class_agnostic ? 0 : label)];
        double target = in[1].v[i];
        double loss = target * log1p(exp(-x)) + (1.0 - target) * log1p(exp(x));
        out[0].v[0] += loss / (double)(own->count * n_pixels);
    }
}

const struct op_cases cases_mask_loss = {
    CASES(cases), REFUSALS(refusals),     .differentiable = 1, .gradient_tolerance = 2e-5,
    .run = run,   .reference = reference, .prepare = prepare,
};
