#include <math.h>

#include "base/rng.h"
#include "nn/ops_rcnn.h"
#include "tests/ops/boxes.h"
#include "tests/ops/case.h"
#include "tests/ops/regression.h"

// Inputs: deltas, anchors, matched, sampled, gt_boxes, n_sampled.
#define LEVEL(n, h, w, a, all, g, limit)                                                           \
    {                                                                                              \
        {.rank = 4, .shape = {n, h, w, (a)*4}, .low = -(limit), .high = limit},                    \
            {.rank = 2, .shape = {all, 4}}, {.dtype = DTYPE_I32, .rank = 2, .shape = {n, all}},    \
            {.dtype = DTYPE_U8, .rank = 2, .shape = {n, all}}, {.rank = 3, .shape = {n, g, 4}},    \
        {                                                                                          \
            .dtype = DTYPE_I32, .rank = 1, .shape = { 1 }                                          \
        }                                                                                          \
    }
#define IN(n, h, w, a, all, g) LEVEL(n, h, w, a, all, g, 2.0f)
#define ARGS(at, divisor, b, which, ...)                                                           \
    &(const struct rpn_box_loss_args)                                                              \
    {                                                                                              \
        .offset = at, .normalizer = divisor, .beta = b, .kind = which, .weights = {__VA_ARGS__}    \
    }
#define ONES 1.0f, 1.0f, 1.0f, 1.0f
#define L1   BOX_LOSS_SMOOTH_L1
#define GIOU BOX_LOSS_GIOU

static const struct op_case cases[] = {
    {.name = "1 anchor", .args = ARGS(0, 0.0, 1.0f / 9, L1, ONES), .in = IN(1, 1, 1, 1, 1, 1)},
    {.name = "smooth l1",
     .args = ARGS(0, 0.0, 1.0f / 9, L1, ONES),
     .in = IN(2, 5, 7, 3, 105, 6),
     .whole_batch = true},
    {.name = "l1",
     .args = ARGS(0, 0.0, 0.0f, L1, ONES),
     .in = IN(2, 5, 7, 3, 105, 6),
     .whole_batch = true},
    {.name = "a later level",
     .args = ARGS(31, 0.0, 1.0f / 9, L1, ONES),
     .in = IN(2, 3, 4, 3, 90, 6),
     .whole_batch = true},
    {.name = "fixed divisor",
     .args = ARGS(0, 512.0, 0.5f, L1, ONES),
     .in = IN(2, 5, 7, 3, 105, 6),
     .whole_batch = true},
    {.name = "weights", .args = ARGS(0, 0.0, 1.0f, L1, 10, 10, 5, 5), .in = IN(1, 5, 7, 3, 105, 6)},
    {.name = "giou",
     .args = ARGS(0, 0.0, 0.0f, GIOU, ONES),
     .in = LEVEL(2, 5, 7, 3, 105, 6, 0.6f),
     .whole_batch = true},
    {.name = "giou of far and large boxes",
     .args = ARGS(0, 0.0, 0.0f, GIOU, ONES),
     .in = LEVEL(1, 5, 7, 3, 105, 6, 8.0f)},
    {.name = "giou with weights",
     .args = ARGS(0, 0.0, 0.0f, GIOU, 10, 10, 5, 5),
     .in = LEVEL(1, 5, 7, 3, 105, 6, 3.0f)},
};

static const struct op_refusal refusals[] = {
    {"channels are no multiple of 4",
     ARGS(0, 0.0, 0.0f, L1, ONES),
     {{.rank = 4, .shape = {1, 2, 2, 6}},
      {.rank = 2, .shape = {6, 4}},
      {.dtype = DTYPE_I32, .rank = 2, .shape = {1, 6}},
      {.dtype = DTYPE_U8, .rank = 2, .shape = {1, 6}},
      {.rank = 3, .shape = {1, 2, 4}},
      {.dtype = DTYPE_I32, .rank = 1, .shape = {1}}},
     ERR_USAGE,
     "rpn_box_loss"},
    {"other number of anchors", ARGS(0, 0.0, 0.0f, L1, ONES), IN(1, 2, 2, 3, 11, 2), ERR_USAGE,
     "rpn_box_loss"},
};

static void prepare(const struct op_case *c, int input, void *data)
{
    const int64_t *shape = c->in[input].shape;
    struct rng rng;
    rng_start(&rng, 23, RNG_TEST, (uint32_t)input);
    if (input == 1) draw_boxes((float *)data, shape[0], 100.0f, 0.25f, 1);
    if (input == 4) draw_boxes((float *)data, shape[0] * shape[1], 100.0f, 0.25f, 2);
    for (int64_t i = 0; input == 2 && i < shape[0] * shape[1]; i++)
        ((int32_t *)data)[i] = (int32_t)rng_below(&rng, (uint32_t)c->in[4].shape[1]);
    for (int64_t i = 0; input == 3 && i < shape[0] * shape[1]; i++)
        ((uint8_t *)data)[i] = (uint8_t)((i + SAMPLE_POSITIVE) % 3);
    if (input == 5) *(int32_t *)data = 17;
}

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    struct tensor *loss;
    return rpn_box_loss(tape, in[0], in[1], in[2], in[3], in[4], in[5],
                        (const struct rpn_box_loss_args *)args, &loss);
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    const struct rpn_box_loss_args *args = (const struct rpn_box_loss_args *)c->args;
    const int64_t one = 1;
    int64_t n = in[0].shape[0], n_anchors = (int64_t)ref_count(&in[0]) / 4 / n;
    ref_shape(&out[0], 1, &one);
    for (int64_t image = 0; image < n; image++)
        for (int64_t i = 0; i < n_anchors; i++) {
            int64_t anchor = args->offset + i, at = image * in[2].shape[1] + anchor;
            if (in[3].v[at] != (double)SAMPLE_POSITIVE) continue;
            int64_t object = image * in[4].shape[1] + (int64_t)in[2].v[at];
            out[0].v[0] +=
                regression_loss(args->kind, args->beta, args->weights, in[1].v + 4 * anchor,
                                in[4].v + 4 * object, in[0].v + 4 * (image * n_anchors + i));
        }
    out[0].v[0] /= args->normalizer > 0.0 ? args->normalizer : fmax(in[5].v[0], 1.0);
}

const struct op_cases cases_rpn_box_loss = {
    CASES(cases), REFUSALS(refusals),     .differentiable = 1, .gradient_tolerance = 3e-5,
    .run = run,   .reference = reference, .prepare = prepare,
};
