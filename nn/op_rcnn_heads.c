#include "nn/check.h"
#include "nn/ops_rcnn.h"

// A list of n rows: its rois and the image of each.
static enum status check_rois(const char *op, const struct tensor *rois,
                              const struct tensor *roi_image, const struct tensor *count)
{
    TRY(check_rank(op, "rois", rois, 2));
    TRY(check_length(op, "rois", rois, 4 * rois->shape[0]));
    TRY(check_length(op, "roi_image", roi_image, rois->shape[0]));
    return check_length(op, "count", count, 1);
}

static enum status check_maps(const struct tape *tape, struct tensor *const *maps,
                              const struct roi_align_args *args)
{
    char text[TENSOR_TEXT_BYTES], text_first[TENSOR_TEXT_BYTES];
    if (args->n_levels < 1 || args->n_levels > ROI_MAX_LEVELS)
        return fail(ERR_USAGE, "roi_align: %d levels, expected 1 to %d", args->n_levels,
                    ROI_MAX_LEVELS);
    if (args->size < 1 || args->size > ROI_MAX_SIZE || args->sampling_ratio < 0)
        return fail(ERR_USAGE, "roi_align: size %d (1 to %d), sampling ratio %d (0 or more)",
                    args->size, ROI_MAX_SIZE, args->sampling_ratio);
    for (int i = 0; i < args->n_levels; i++) {
        TRY(check_rank("roi_align", "map", maps[i], 4));
        TRY(check_activation(tape, "roi_align", "map", maps[i]));
        if (!(args->scales[i] > 0.0f))
            return fail(ERR_USAGE, "roi_align: scale %g of level %d", (double)args->scales[i], i);
        if (maps[i]->shape[0] != maps[0]->shape[0] || maps[i]->shape[3] != maps[0]->shape[3] ||
            maps[i]->dtype != maps[0]->dtype)
            return fail(ERR_USAGE, "roi_align: maps are %s and %s",
                        tensor_text(maps[0], text_first), tensor_text(maps[i], text));
    }
    return OK;
}

enum status roi_align(struct tape *tape, struct tensor *rois, struct tensor *roi_image,
                      struct tensor *count, struct tensor *select, struct tensor *const *maps,
                      const struct roi_align_args *args, struct tensor **y)
{
    TRY(check_rois("roi_align", rois, roi_image, count));
    TRY(check_maps(tape, maps, args));
    if (select) TRY(check_rank("roi_align", "select", select, 1));
    int64_t n = select ? select->shape[0] : rois->shape[0];
    int64_t shape[4] = {n, args->size, args->size, maps[0]->shape[3]};
    struct tensor *out;
    struct tensor *in[4 + ROI_MAX_LEVELS] = {rois, roi_image, count, select};
    for (int i = 0; i < args->n_levels; i++) in[4 + i] = maps[i];
    TRY(tape_tensor(tape, maps[0]->dtype, 4, shape, &out));
    out->valid = count;
    TRY(tape_run(tape, OP_roi_align, args, sizeof *args, 4 + args->n_levels, in, 1, &out));
    *y = out;
    return OK;
}

// What nms kept of (N,S) slots.
static enum status check_kept(const char *op, const struct tensor *keep,
                              const struct tensor *n_keep, int64_t n_images)
{
    TRY(check_rank(op, "keep", keep, 2));
    TRY(check_length(op, "keep", keep, n_images * keep->shape[1]));
    return check_length(op, "n_keep", n_keep, n_images);
}

enum status gather_rois(struct tape *tape, struct tensor *boxes, struct tensor *keep,
                        struct tensor *n_keep, struct tensor **rois, struct tensor **roi_image,
                        struct tensor **count)
{
    TRY(check_rank("gather_rois", "boxes", boxes, 3));
    TRY(check_kept("gather_rois", keep, n_keep, boxes->shape[0]));
    const int64_t shape[2] = {boxes->shape[0] * keep->shape[1], 4}, one = 1;
    struct tensor *in[] = {boxes, keep, n_keep}, *out[3];
    TRY(tape_tensor(tape, DTYPE_F32, 2, shape, &out[0]));
    TRY(tape_tensor(tape, DTYPE_I32, 1, shape, &out[1]));
    TRY(tape_tensor(tape, DTYPE_I32, 1, &one, &out[2]));
    TRY(tape_run(tape, OP_gather_rois, NULL, 0, 3, in, 3, out));
    *rois = out[0];
    *roi_image = out[1];
    *count = out[2];
    return OK;
}

enum status gather_labels(struct tape *tape, struct tensor *labels, struct tensor *keep,
                          struct tensor *n_keep, struct tensor **roi_labels)
{
    TRY(check_rank("gather_labels", "labels", labels, 2));
    TRY(check_kept("gather_labels", keep, n_keep, labels->shape[0]));
    const int64_t n = labels->shape[0] * keep->shape[1];
    struct tensor *in[] = {labels, keep, n_keep}, *out;
    TRY(tape_tensor(tape, DTYPE_I32, 1, &n, &out));
    TRY(tape_run(tape, OP_gather_labels, NULL, 0, 3, in, 1, &out));
    *roi_labels = out;
    return OK;
}

static enum status check_objects(const char *op, const struct tensor *gt_boxes, int64_t n_images)
{
    TRY(check_rank(op, "gt_boxes", gt_boxes, 3));
    return check_length(op, "gt_boxes", gt_boxes, n_images * gt_boxes->shape[1] * 4);
}

enum status sample_rois(struct tape *tape, struct tensor *boxes, struct tensor *keep,
                        struct tensor *n_keep, struct tensor *gt_boxes, struct tensor *gt_labels,
                        struct tensor *gt_count, struct tensor *given,
                        const struct sample_rois_args *args, struct roi_samples *samples)
{
    const char *op = "sample_rois";
    TRY(check_rank(op, "boxes", boxes, 3));
    int64_t n = boxes->shape[0];
    TRY(check_kept(op, keep, n_keep, n));
    TRY(check_objects(op, gt_boxes, n));
    TRY(check_length(op, "gt_labels", gt_labels, n * gt_boxes->shape[1]));
    TRY(check_length(op, "gt_count", gt_count, n));
    TRY(check_length(op, "given", given, n * args->n_samples));
    if (args->n_samples < 1 ||
        !(args->positive_fraction >= 0.0f && args->positive_fraction <= 1.0f))
        return fail(ERR_USAGE, "sample_rois: %d samples, %g of them positive", args->n_samples,
                    (double)args->positive_fraction);
    int64_t shape[2] = {n * args->n_samples, 4}, one = 1;
    int64_t positives = (int64_t)((double)args->n_samples * (double)args->positive_fraction);
    struct tensor *in[] = {boxes, keep, n_keep, gt_boxes, gt_labels, gt_count, given}, *out[7];
    TRY(tape_tensor(tape, DTYPE_F32, 2, shape, &out[0]));
    for (int i = 1; i < 4; i++) TRY(tape_tensor(tape, DTYPE_I32, 1, shape, &out[i]));
    TRY(tape_tensor(tape, DTYPE_I32, 1, &one, &out[4]));
    positives *= n;
    TRY(tape_tensor(tape, DTYPE_I32, 1, &positives, &out[5]));
    TRY(tape_tensor(tape, DTYPE_I32, 1, &one, &out[6]));
    TRY(tape_run(tape, OP_sample_rois, args, sizeof *args, 7, in, 7, out));
    *samples = (struct roi_samples){out[0], out[1], out[2], out[3], out[4], out[5], out[6]};
    return OK;
}

enum status softmax_loss(struct tape *tape, struct tensor *logits, struct tensor *labels,
                         struct tensor *count, const struct softmax_loss_args *args,
                         struct tensor **loss)
{
    const int64_t one = 1;
    TRY(check_rank("softmax_loss", "logits", logits, 2));
    TRY(check_f32("softmax_loss", "logits", logits));
    TRY(check_length("softmax_loss", "labels", labels, logits->shape[0]));
    TRY(check_length("softmax_loss", "count", count, 1));
    if (!(args->smoothing >= 0.0f && args->smoothing <= 1.0f))
        return fail(ERR_USAGE, "softmax_loss: smoothing %g, expected 0 to 1",
                    (double)args->smoothing);
    struct tensor *in[] = {logits, labels, count}, *out;
    TRY(tape_tensor(tape, DTYPE_F32, 1, &one, &out));
    TRY(tape_run(tape, OP_softmax_loss, args, sizeof *args, 3, in, 1, &out));
    *loss = out;
    return OK;
}

// Four deltas a RoI, or four of each class.
static enum status check_deltas(const char *op, const struct tensor *deltas, int64_t n_rois,
                                bool class_agnostic)
{
    char text[TENSOR_TEXT_BYTES];
    TRY(check_rank(op, "deltas", deltas, 2));
    TRY(check_f32(op, "deltas", deltas));
    if (deltas->shape[0] != n_rois || deltas->shape[1] % 4 ||
        (class_agnostic && deltas->shape[1] != 4))
        return fail(ERR_USAGE, "%s: deltas are %s of %d RoIs, %s", op, tensor_text(deltas, text),
                    (int)n_rois, class_agnostic ? "for any class" : "for each class");
    return OK;
}

enum status roi_box_loss(struct tape *tape, struct tensor *deltas,
                         const struct roi_samples *samples, struct tensor *gt_boxes,
                         const struct roi_box_loss_args *args, struct tensor **loss)
{
    const int64_t one = 1;
    TRY(check_rois("roi_box_loss", samples->rois, samples->roi_image, samples->count));
    int64_t n = samples->rois->shape[0];
    TRY(check_deltas("roi_box_loss", deltas, n, args->class_agnostic));
    TRY(check_length("roi_box_loss", "labels", samples->labels, n));
    TRY(check_length("roi_box_loss", "matched", samples->matched, n));
    TRY(check_rank("roi_box_loss", "gt_boxes", gt_boxes, 3));
    struct tensor *in[] = {deltas,           samples->rois, samples->roi_image, samples->labels,
                           samples->matched, gt_boxes,      samples->count};
    struct tensor *out;
    TRY(tape_tensor(tape, DTYPE_F32, 1, &one, &out));
    TRY(tape_run(tape, OP_roi_box_loss, args, sizeof *args, 7, in, 1, &out));
    *loss = out;
    return OK;
}

enum status roi_detections(struct tape *tape, struct tensor *logits, struct tensor *deltas,
                           struct tensor *rois, struct tensor *roi_image, struct tensor *count,
                           struct tensor *sizes, const struct roi_detections_args *args,
                           struct tensor **boxes, struct tensor **scores, struct tensor **labels)
{
    const char *op = "roi_detections";
    TRY(check_rank(op, "logits", logits, 2));
    TRY(check_f32(op, "logits", logits));
    TRY(check_rois(op, rois, roi_image, count));
    TRY(check_rank(op, "sizes", sizes, 2));
    TRY(check_length(op, "logits", logits, rois->shape[0] * logits->shape[1]));
    TRY(check_deltas(op, deltas, rois->shape[0], args->class_agnostic));
    if (!args->class_agnostic)
        TRY(check_length(op, "deltas", deltas, rois->shape[0] * logits->shape[1] * 4));
    int64_t n = sizes->shape[0];
    if (args->slots_per_roi < 0 || n * args->rois_per_image < rois->shape[0])
        return fail(ERR_USAGE, "roi_detections: %d slots for each of %d RoIs an image",
                    args->slots_per_roi, args->rois_per_image);
    int64_t shape[3] = {n, (int64_t)args->slots_per_roi * args->rois_per_image, 4};
    struct tensor *in[] = {logits, deltas, rois, roi_image, count, sizes}, *out[3];
    TRY(tape_tensor(tape, DTYPE_F32, 3, shape, &out[0]));
    TRY(tape_tensor(tape, DTYPE_F32, 2, shape, &out[1]));
    TRY(tape_tensor(tape, DTYPE_I32, 2, shape, &out[2]));
    TRY(tape_run(tape, OP_roi_detections, args, sizeof *args, 6, in, 3, out));
    *boxes = out[0];
    *scores = out[1];
    *labels = out[2];
    return OK;
}
