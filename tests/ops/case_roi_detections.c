#include <math.h>

#include "nn/ops_rcnn.h"
#include "tests/ops/boxes.h"
#include "tests/ops/case.h"
#include "tests/ops/regression.h"

// Inputs: logits, deltas, rois, roi_image, count, sizes.
struct detect_case {
    struct roi_detections_args args;
    int count;
};

#define IN(n, k, k_box, limit, images)                                                             \
    {                                                                                              \
        {.rank = 2, .shape = {n, k}, .low = -(limit), .high = limit},                              \
            {.rank = 2, .shape = {n, 4 * (k_box)}, .low = -7.0f, .high = 7.0f},                    \
            {.rank = 2, .shape = {n, 4}}, {.dtype = DTYPE_I32, .rank = 1, .shape = {n}},           \
            {.dtype = DTYPE_I32, .rank = 1, .shape = {1}},                                         \
        {                                                                                          \
            .rank = 2, .shape = { images, 2 }                                                      \
        }                                                                                          \
    }
#define ARGS(rois, slots, threshold, side, agnostic, n)                                            \
    &(const struct detect_case)                                                                    \
    {                                                                                              \
        {.rois_per_image = rois,                                                                   \
         .slots_per_roi = slots,                                                                   \
         .score_threshold = threshold,                                                             \
         .min_size = side,                                                                         \
         .weights = {10, 10, 5, 5},                                                                \
         .class_agnostic = agnostic},                                                              \
            n                                                                                      \
    }

static const struct op_case cases[] = {
    {.name = "1 roi", .args = ARGS(1, 2, 0.05f, 1e-2f, false, 1), .in = IN(1, 3, 3, 3.0f, 1)},
    {.name = "2 images", .args = ARGS(15, 8, 0.05f, 1e-2f, false, 30), .in = IN(30, 9, 9, 3.0f, 2)},
    {.name = "91 classes",
     .args = ARGS(40, 20, 0.05f, 1e-2f, false, 40),
     .in = IN(40, 91, 91, 5.0f, 1)},
    {.name = "class-agnostic",
     .args = ARGS(15, 8, 0.05f, 1e-2f, true, 30),
     .in = IN(30, 9, 1, 3.0f, 2)},
    {.name = "threshold 0",
     .args = ARGS(15, 8, 0.0f, 1e-2f, false, 30),
     .in = IN(30, 9, 9, 3.0f, 2)},
    {.name = "small boxes go",
     .args = ARGS(15, 8, 0.0f, 20.0f, false, 30),
     .in = IN(30, 9, 9, 3.0f, 2)},
    {.name = "fewer than there is room for",
     .args = ARGS(15, 8, 0.05f, 1e-2f, false, 13),
     .in = IN(30, 9, 9, 3.0f, 2)},
    {.name = "none", .args = ARGS(15, 8, 0.05f, 1e-2f, false, 0), .in = IN(30, 9, 9, 3.0f, 2)},
};

static const struct op_refusal refusals[] = {
    {"deltas of fewer classes", ARGS(15, 8, 0.05f, 1e-2f, false, 3), IN(30, 9, 8, 3.0f, 2),
     ERR_USAGE, "deltas"},
    {"less room than rois", ARGS(14, 8, 0.05f, 1e-2f, false, 3), IN(30, 9, 9, 3.0f, 2), ERR_USAGE,
     "slots"},
};

static int64_t image_of(const struct op_case *c, int64_t roi)
{
    const struct detect_case *own = (const struct detect_case *)c->args;
    int64_t image = own->count ? roi * c->in[5].shape[0] / own->count : 0;
    return image < c->in[5].shape[0] ? image : 0;
}

static void prepare(const struct op_case *c, int input, void *data)
{
    int64_t n = c->in[0].shape[0];
    if (input == 2) draw_boxes((float *)data, n, 100.0f, 1.0f, 1);
    for (int64_t i = 0; input == 3 && i < n; i++) ((int32_t *)data)[i] = (int32_t)image_of(c, i);
    if (input == 4) *(int32_t *)data = ((const struct detect_case *)c->args)->count;
    for (int64_t i = 0; input == 5 && i < 2 * c->in[5].shape[0]; i++)
        ((float *)data)[i] = (float)(70 + 9 * i);
}

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    struct tensor *boxes, *scores, *labels;
    return roi_detections(tape, in[0], in[1], in[2], in[3], in[4], in[5],
                          &((const struct detect_case *)args)->args, &boxes, &scores, &labels);
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    const struct detect_case *own = (const struct detect_case *)c->args;
    const struct roi_detections_args *args = &own->args;
    int64_t n_images = in[5].shape[0], n_classes = in[0].shape[1];
    const int64_t shape[] = {n_images, (int64_t)args->rois_per_image * args->slots_per_roi, 4};
    ref_shape(&out[0], 3, shape);
    ref_shape(&out[1], 2, shape);
    ref_shape(&out[2], 2, shape);
    for (int64_t i = 0; i < n_images * shape[1]; i++) out[1].v[i] = out[2].v[i] = -1.0;
    for (int64_t image = 0; image < n_images; image++) {
        int64_t slot = image * shape[1];
        for (int64_t i = 0; i < own->count; i++) {
            if ((int64_t)in[3].v[i] != image) continue;
            double sum = 0.0, box[4];
            for (int64_t k = 0; k < n_classes; k++) sum += exp(in[0].v[i * n_classes + k]);
            int used = 0;
            for (int64_t k = 1; k < n_classes; k++) {
                double score = exp(in[0].v[i * n_classes + k]) / sum;
                decode_box(args->weights, in[2].v + 4 * i,
                           in[1].v + i * in[1].shape[1] + (args->class_agnostic ? 0 : 4 * k), box);
                for (int j = 0; j < 4; j++)
                    box[j] = fmin(fmax(box[j], 0.0), in[5].v[2 * image + (j % 2 == 0)]);
                if (score <= (double)args->score_threshold ||
                    fmin(box[2] - box[0], box[3] - box[1]) < (double)args->min_size)
                    continue;
                for (int j = 0; j < 4; j++) out[0].v[4 * (slot + used) + j] = box[j];
                out[1].v[slot + used] = score;
                out[2].v[slot + used++] = (double)k;
            }
            slot += args->slots_per_roi;
        }
    }
}

const struct op_cases cases_roi_detections = {
    CASES(cases), REFUSALS(refusals), .run = run, .reference = reference, .prepare = prepare,
};
