#include "base/rng.h"
#include "nn/ops_rcnn.h"
#include "tests/ops/boxes.h"
#include "tests/ops/case.h"
#include "tests/ops/regression.h"

// Inputs: deltas, rois, roi_image, labels, matched, gt_boxes, count.
struct regression_case {
    struct roi_box_loss_args args;
    int count;
};

#define LIST(n, k, limit, images, g)                                                               \
    {                                                                                              \
        {.rank = 2, .shape = {n, 4 * (k)}, .low = -(limit), .high = limit},                        \
            {.rank = 2, .shape = {n, 4}}, {.dtype = DTYPE_I32, .rank = 1, .shape = {n}},           \
            {.dtype = DTYPE_I32, .rank = 1, .shape = {n}},                                         \
            {.dtype = DTYPE_I32, .rank = 1, .shape = {n}}, {.rank = 3, .shape = {images, g, 4}},   \
        {                                                                                          \
            .dtype = DTYPE_I32, .rank = 1, .shape = { 1 }                                          \
        }                                                                                          \
    }
#define IN(n, k, images, g) LIST(n, k, 2.0f, images, g)
#define ARGS(b, which, agnostic, n, ...)                                                           \
    &(const struct regression_case)                                                                \
    {                                                                                              \
        {.beta = b, .kind = which, .class_agnostic = agnostic, .weights = {__VA_ARGS__}}, n        \
    }
#define COCO 10.0f, 10.0f, 5.0f, 5.0f
#define ONES 1.0f, 1.0f, 1.0f, 1.0f
#define L1   BOX_LOSS_SMOOTH_L1
#define GIOU BOX_LOSS_GIOU

static const struct op_case cases[] = {
    {.name = "1 roi", .args = ARGS(1.0f / 9, L1, false, 1, COCO), .in = IN(1, 2, 1, 1)},
    {.name = "smooth l1", .args = ARGS(1.0f / 9, L1, false, 30, COCO), .in = IN(30, 5, 2, 6)},
    {.name = "l1", .args = ARGS(0.0f, L1, false, 30, COCO), .in = IN(30, 5, 2, 6)},
    {.name = "wide smooth l1", .args = ARGS(3.0f, L1, false, 30, ONES), .in = IN(30, 5, 2, 6)},
    {.name = "class-agnostic", .args = ARGS(1.0f / 9, L1, true, 30, COCO), .in = IN(30, 1, 2, 6)},
    {.name = "giou", .args = ARGS(0.0f, GIOU, false, 30, COCO), .in = IN(30, 5, 2, 6)},
    {.name = "giou, class-agnostic", .args = ARGS(0.0f, GIOU, true, 30, ONES), .in = LIST(30, 1, 0.5f, 2, 6)},
    {.name = "fewer than there is room for", .args = ARGS(1.0f / 9, L1, false, 11, COCO), .in = IN(30, 5, 2, 6)},
    {.name = "none", .args = ARGS(1.0f / 9, L1, false, 0, COCO), .in = IN(8, 5, 2, 6)},
};

static const struct op_refusal refusals[] = {
    {"5 deltas a roi",
     ARGS(0.0f, L1, false, 1, COCO),
     {{.rank = 2, .shape = {3, 5}},
      {.rank = 2, .shape = {3, 4}},
      {.dtype = DTYPE_I32, .rank = 1, .shape = {3}},
      {.dtype = DTYPE_I32, .rank = 1, .shape = {3}},
      {.dtype = DTYPE_I32, .rank = 1, .shape = {3}},
      {.rank = 3, .shape = {1, 2, 4}},
      {.dtype = DTYPE_I32, .rank = 1, .shape = {1}}},
     ERR_USAGE,
     "deltas"},
    {"classes for a class-agnostic loss", ARGS(0.0f, L1, true, 1, COCO), IN(3, 2, 1, 1), ERR_USAGE, "deltas"},
};

static void prepare(const struct op_case *c, int input, void *data)
{
    const struct regression_case *own = (const struct regression_case *)c->args;
    int64_t n = c->in[1].shape[0], n_images = c->in[5].shape[0], n_objects = c->in[5].shape[1];
    int64_t n_classes = own->args.class_agnostic ? 9 : c->in[0].shape[1] / 4;
    int32_t *integers = (int32_t *)data;
    if (input == 1) draw_boxes((float *)data, n, 100.0f, 0.25f, 1);
    if (input == 5) draw_boxes((float *)data, n_images * n_objects, 100.0f, 0.25f, 2);
    for (int64_t i = 0; input == 2 && i < n; i++) integers[i] = (int32_t)(i * n_images / n);
    for (int64_t i = 0; input == 3 && i < n; i++) integers[i] = (int32_t)((i + 1) % n_classes);
    for (int64_t i = 0; input == 4 && i < n; i++)
        integers[i] = (i + 1) % n_classes ? (int32_t)(i % n_objects) : -1;
    if (input == 6) *integers = own->count;
}

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    struct tensor *loss;
    const struct roi_samples samples = {
        .rois = in[1], .roi_image = in[2], .labels = in[3], .matched = in[4], .count = in[6]};
    return roi_box_loss(tape, in[0], &samples, in[5],
                        &((const struct regression_case *)args)->args, &loss);
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    const struct regression_case *own = (const struct regression_case *)c->args;
    const struct roi_box_loss_args *args = &own->args;
    const int64_t one = 1;
    ref_shape(&out[0], 1, &one);
    for (int64_t i = 0; i < own->count; i++) {
        int64_t label = (int64_t)in[3].v[i];
        if (label == 0) continue;
        int64_t object = (int64_t)in[2].v[i] * in[5].shape[1] + (int64_t)in[4].v[i];
        int64_t at = i * in[0].shape[1] + (args->class_agnostic ? 0 : 4 * label);
        out[0].v[0] += regression_loss(args->kind, args->beta, args->weights, in[1].v + 4 * i,
                                       in[5].v + 4 * object, in[0].v + at) /
                       own->count;
    }
}

const struct op_cases cases_roi_box_loss = {
    CASES(cases), REFUSALS(refusals), .differentiable = 1, .gradient_tolerance = 3e-5,
    .run = run,   .reference = reference, .prepare = prepare,
};
