#include <math.h>

#include "nn/ops_rcnn.h"
#include "tests/ops/case.h"

// Inputs: logits, labels, count.
struct mask_case {
    struct mask_loss_args args;
    int count;
};

#define IN(n, size, k)                                                                             \
    {                                                                                              \
        {.rank = 4, .shape = {n, size, size, k}, .low = -20.0f, .high = 20.0f},                    \
            {.dtype = DTYPE_I32, .rank = 1, .shape = {n}},                                         \
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
    {.name = "1 mask", .args = ARGS(false, 1), .in = IN(1, 1, 1)},
    {.name = "several", .args = ARGS(false, 9), .in = IN(9, 5, 7)},
    {.name = "class-agnostic", .args = ARGS(true, 9), .in = IN(9, 5, 1)},
    {.name = "fewer than there is room for", .args = ARGS(false, 4), .in = IN(9, 5, 7)},
    {.name = "none", .args = ARGS(false, 0), .in = IN(9, 5, 7)},
};

static const struct op_refusal refusals[] = {
    {"masks of classes where one is for all", ARGS(true, 1), IN(2, 5, 3), ERR_USAGE, "mask"},
    {"labels of other rows",
     ARGS(false, 1),
     {{.rank = 4, .shape = {2, 5, 5, 3}},
      {.dtype = DTYPE_I32, .rank = 1, .shape = {3}},
      {.dtype = DTYPE_I32, .rank = 1, .shape = {1}}},
     ERR_USAGE,
     "labels"},
};

static void prepare(const struct op_case *c, int input, void *data)
{
    const struct mask_case *own = (const struct mask_case *)c->args;
    int32_t *integers = (int32_t *)data;
    int64_t n_classes = own->args.class_agnostic ? 50 : c->in[0].shape[3];
    for (int64_t i = 0; input == 1 && i < c->in[1].shape[0]; i++)
        integers[i] = (int32_t)(3 * i % n_classes);
    if (input == 2) *integers = own->count;
}

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    struct tensor *probabilities;
    return mask_probabilities(tape, in[0], in[1], in[2], &((const struct mask_case *)args)->args,
                              &probabilities);
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    const struct mask_case *own = (const struct mask_case *)c->args;
    int64_t n_pixels = in[0].shape[1] * in[0].shape[2], n_channels = in[0].shape[3];
    ref_shape(&out[0], 3, in[0].shape);
    for (int64_t i = 0; i < own->count * n_pixels; i++) {
        int64_t label = own->args.class_agnostic ? 0 : (int64_t)in[1].v[i / n_pixels];
        out[0].v[i] = 1.0 / (1.0 + exp(-in[0].v[i * n_channels + label]));
    }
}

const struct op_cases cases_mask_probabilities = {
    CASES(cases), REFUSALS(refusals), .run = run, .reference = reference, .prepare = prepare,
};
