#include <math.h>

#include "base/rng.h"
#include "nn/box_regression.h"
#include "tests/ops/boxes.h"
#include "tests/ops/case.h"
#include "tests/ops/regression.h"

// Inputs: deltas, anchors, matched, gt_boxes, n_positive.
#define IN(n, h, w, a, all, g)                                                                     \
    {                                                                                              \
        {.rank = 4, .shape = {n, h, w, (a)*4}, .low = -2.0f, .high = 2.0f},                        \
            {.rank = 2, .shape = {all, 4}}, {.dtype = DTYPE_I32, .rank = 2, .shape = {n, all}},    \
            {.rank = 3, .shape = {n, g, 4}}, {.dtype = DTYPE_I32, .rank = 1, .shape = {n}},        \
    }
// One number instead of n_positive.
#define DIVIDED(n, h, w, a, all, g)                                                                \
    {                                                                                              \
        {.rank = 4, .shape = {n, h, w, (a)*4}, .low = -2.0f, .high = 2.0f},                        \
            {.rank = 2, .shape = {all, 4}}, {.dtype = DTYPE_I32, .rank = 2, .shape = {n, all}},    \
            {.rank = 3, .shape = {n, g, 4}},                                                       \
            {.rank = 1, .shape = {1}, .low = 60.0f, .high = 90.0f},                                \
    }
#define ARGS(at, b, wx, wy, ww, wh)                                                                \
    &(const struct box_loss_args)                                                                  \
    {                                                                                              \
        .offset = at, .beta = b, .weights = { wx, wy, ww, wh }                                     \
    }

static const struct op_case cases[] = {
    {.name = "1 anchor", .args = ARGS(0, 0.0f, 1.0f, 1.0f, 1.0f, 1.0f), .in = IN(1, 1, 1, 1, 1, 1)},
    {.name = "l1", .args = ARGS(0, 0.0f, 1.0f, 1.0f, 1.0f, 1.0f), .in = IN(2, 5, 7, 9, 315, 6)},
    {.name = "a later level",
     .args = ARGS(31, 0.0f, 1.0f, 1.0f, 1.0f, 1.0f),
     .in = IN(2, 3, 4, 3, 90, 6)},
    {.name = "smooth l1",
     .args = ARGS(0, 1.0f / 9, 1.0f, 1.0f, 1.0f, 1.0f),
     .in = IN(2, 5, 7, 3, 105, 6)},
    {.name = "wide smooth l1",
     .args = ARGS(0, 2.0f, 1.0f, 1.0f, 1.0f, 1.0f),
     .in = IN(2, 5, 7, 3, 105, 6)},
    {.name = "weights",
     .args = ARGS(0, 0.0f, 10.0f, 10.0f, 5.0f, 5.0f),
     .in = IN(3, 5, 7, 3, 105, 6)},
    {.name = "one divisor",
     .args = ARGS(0, 0.0f, 1.0f, 1.0f, 1.0f, 1.0f),
     .in = DIVIDED(2, 5, 7, 9, 315, 6),
     .whole_batch = true},
    {.name = "giou",
     .args = &(const struct box_loss_args){.kind = BOX_LOSS_GIOU, .weights = {1, 1, 1, 1}},
     .in = IN(2, 5, 7, 3, 105, 6)},
    {.name = "several chunks",
     .args = ARGS(0, 0.0f, 1.0f, 1.0f, 1.0f, 1.0f),
     .in = IN(2, 25, 27, 9, 6075, 6)},
};

static const struct op_refusal refusals[] = {
    {"channels are no multiple of 4",
     ARGS(0, 0.0f, 1.0f, 1.0f, 1.0f, 1.0f),
     {{.rank = 4, .shape = {1, 2, 2, 6}},
      {.rank = 2, .shape = {6, 4}},
      {.dtype = DTYPE_I32, .rank = 2, .shape = {1, 6}},
      {.rank = 3, .shape = {1, 2, 4}},
      {.dtype = DTYPE_I32, .rank = 1, .shape = {1}}},
     ERR_USAGE,
     "box_loss"},
    {"other number of anchors",
     ARGS(0, 0.0f, 1.0f, 1.0f, 1.0f, 1.0f),
     {{.rank = 4, .shape = {1, 2, 2, 4}},
      {.rank = 2, .shape = {5, 4}},
      {.dtype = DTYPE_I32, .rank = 2, .shape = {1, 4}},
      {.rank = 3, .shape = {1, 2, 4}},
      {.dtype = DTYPE_I32, .rank = 1, .shape = {1}}},
     ERR_USAGE,
     "box_loss"},
};

static void prepare(const struct op_case *c, int input, void *data)
{
    const int64_t *shape = c->in[input].shape;
    int32_t *integers = (int32_t *)data;
    struct rng rng;
    rng_start(&rng, 4, RNG_TEST, (uint32_t)input);
    if (input == 1) draw_boxes((float *)data, shape[0], 100.0f, 0.25f, 1);
    if (input == 3) draw_boxes((float *)data, shape[0] * shape[1], 100.0f, 0.25f, 2);
    if (input == 2)
        for (int64_t i = 0; i < shape[0] * shape[1]; i++) {
            uint32_t kind = rng_below(&rng, 10);
            int32_t object = (int32_t)rng_below(&rng, (uint32_t)c->in[3].shape[1]);
            integers[i] = kind < 5 ? MATCH_NONE : kind == 5 ? MATCH_IGNORED : object;
        }
    if (input == 4 && c->in[4].dtype == DTYPE_I32)
        for (int64_t i = 0; i < shape[0]; i++) integers[i] = (int32_t)(5 * i);
}

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    struct tensor *loss;
    return box_loss(tape, in[0], in[1], in[2], in[3], in[4], (const struct box_loss_args *)args,
                    &loss);
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    const struct box_loss_args *args = (const struct box_loss_args *)c->args;
    const int64_t *shape = in[0].shape, one = 1;
    int64_t n = shape[0], n_anchors = shape[1] * shape[2] * shape[3] / 4;
    ref_shape(&out[0], 1, &one);
    for (int64_t image = 0; image < n; image++) {
        double sum = 0.0, divisor = in[4].v[0];
        if (c->in[4].dtype == DTYPE_I32) divisor = fmax(in[4].v[image], 1.0) * (double)n;
        for (int64_t a = 0; a < n_anchors; a++) {
            int64_t anchor = args->offset + a;
            int match = (int)in[2].v[image * in[2].shape[1] + anchor];
            if (match < 0) continue;
            sum += regression_loss(args->kind, args->beta, args->weights, in[1].v + 4 * anchor,
                                   in[3].v + 4 * (image * in[3].shape[1] + match),
                                   in[0].v + 4 * (image * n_anchors + a));
        }
        out[0].v[0] += sum / divisor;
    }
}

const struct op_cases cases_box_loss = {
    CASES(cases),  REFUSALS(refusals), .differentiable = 1,    .batched_in = 1 | 4 | 8 | 16,
    .mean_out = 1, .run = run,         .reference = reference, .prepare = prepare,
};
