#include "nn/check.h"
#include "nn/ops.h"

enum status match_anchors(struct tape *tape, struct tensor *anchors, struct tensor *gt_boxes,
                          struct tensor *gt_count, const struct match_args *args,
                          struct tensor **matched, struct tensor **n_positive)
{
    TRY(check_rank("match_anchors", "anchors", anchors, 2));
    TRY(check_rank("match_anchors", "gt_boxes", gt_boxes, 3));
    int64_t n = gt_boxes->shape[0];
    TRY(check_length("match_anchors", "gt_count", gt_count, n));
    int64_t shape[2] = {n, anchors->shape[0]};
    struct tensor *in[] = {anchors, gt_boxes, gt_count}, *out[2];
    TRY(tape_tensor(tape, DTYPE_I32, 2, shape, &out[0]));
    TRY(tape_tensor(tape, DTYPE_I32, 1, shape, &out[1]));
    TRY(tape_run(tape, OP_match_anchors, args, sizeof *args, 3, in, 2, out));
    *matched = out[0];
    *n_positive = out[1];
    return OK;
}

enum status track_positives(struct tape *tape, struct tensor *state, struct tensor *n_positive,
                            const struct track_positives_args *args)
{
    TRY(check_length("track_positives", "state", state, 1));
    TRY(check_rank("track_positives", "n_positive", n_positive, 1));
    struct tensor *in[] = {state, n_positive};
    return tape_run(tape, OP_track_positives, args, sizeof *args, 2, in, 0, NULL);
}

// What a loss is divided by: a number for each image, or one for all.
static enum status check_divisor(const char *op, const struct tensor *n_positive, int64_t n_images)
{
    bool is_one = n_positive->dtype == DTYPE_F32;
    return check_length(op, "n_positive", n_positive, is_one ? 1 : n_images);
}

// Anchors of one level in a head output with `per_anchor` channels each; checks that they lie
// within `matched`.
static enum status check_level(const char *op, const struct tensor *head, int64_t per_anchor,
                               int64_t offset, const struct tensor *matched)
{
    char text_head[TENSOR_TEXT_BYTES], text_matched[TENSOR_TEXT_BYTES];
    TRY(check_rank(op, "head output", head, 4));
    TRY(check_f32(op, "head output", head));
    TRY(check_rank(op, "matched", matched, 2));
    int64_t anchors = head->shape[1] * head->shape[2] * head->shape[3] / per_anchor;
    if (head->shape[3] % per_anchor || head->shape[0] != matched->shape[0] || offset < 0 ||
        offset + anchors > matched->shape[1])
        return fail(ERR_USAGE, "%s: head output is %s but matched is %s", op,
                    tensor_text(head, text_head), tensor_text(matched, text_matched));
    return OK;
}

enum status focal_loss(struct tape *tape, struct tensor *logits, struct tensor *matched,
                       struct tensor *gt_labels, struct tensor *n_positive,
                       const struct focal_loss_args *args, struct tensor **loss)
{
    const int64_t one = 1;
    TRY(check_level("focal_loss", logits, args->n_classes, args->offset, matched));
    TRY(check_rank("focal_loss", "gt_labels", gt_labels, 2));
    TRY(check_divisor("focal_loss", n_positive, logits->shape[0]));
    struct tensor *in[] = {logits, matched, gt_labels, n_positive}, *out;
    TRY(tape_tensor(tape, DTYPE_F32, 1, &one, &out));
    TRY(tape_run(tape, OP_focal_loss, args, sizeof *args, 4, in, 1, &out));
    *loss = out;
    return OK;
}

enum status box_loss(struct tape *tape, struct tensor *deltas, struct tensor *anchors,
                     struct tensor *matched, struct tensor *gt_boxes, struct tensor *n_positive,
                     const struct box_loss_args *args, struct tensor **loss)
{
    const int64_t one = 1;
    TRY(check_level("box_loss", deltas, 4, args->offset, matched));
    TRY(check_length("box_loss", "anchors", anchors, matched->shape[1] * 4));
    TRY(check_rank("box_loss", "gt_boxes", gt_boxes, 3));
    TRY(check_divisor("box_loss", n_positive, deltas->shape[0]));
    struct tensor *in[] = {deltas, anchors, matched, gt_boxes, n_positive}, *out;
    TRY(tape_tensor(tape, DTYPE_F32, 1, &one, &out));
    TRY(tape_run(tape, OP_box_loss, args, sizeof *args, 5, in, 1, &out));
    *loss = out;
    return OK;
}

enum status select_detections(struct tape *tape, int n_levels, struct tensor *const *logits,
                              struct tensor *const *deltas, const int64_t *offsets,
                              struct tensor *anchors, struct tensor *sizes,
                              const struct select_args *args, struct tensor **boxes,
                              struct tensor **scores, struct tensor **labels)
{
    int64_t n = logits[0]->shape[0];
    int64_t shape[3] = {n, (int64_t)n_levels * args->top_k, 4};
    struct tensor *out[3];
    TRY(check_length("select_detections", "sizes", sizes, n * 2));
    TRY(tape_tensor(tape, DTYPE_F32, 3, shape, &out[0]));
    TRY(tape_tensor(tape, DTYPE_F32, 2, shape, &out[1]));
    TRY(tape_tensor(tape, DTYPE_I32, 2, shape, &out[2]));
    for (int level = 0; level < n_levels; level++) {
        struct select_args own = *args;
        own.level = level;
        own.offset = offsets[level];
        struct tensor *in[] = {logits[level], deltas[level], anchors, sizes};
        int64_t n_anchors = (int64_t)(tensor_count(deltas[level]) / 4 / (size_t)n);
        TRY(check_f32("select_detections", "logits", logits[level]));
        TRY(check_f32("select_detections", "deltas", deltas[level]));
        TRY(check_length("select_detections", "logits", logits[level],
                         n * n_anchors * args->n_classes));
        if (own.offset < 0 || own.offset + n_anchors > anchors->shape[0])
            return fail(ERR_USAGE, "select_detections: level %d has more cells than anchors",
                        level);
        TRY(tape_run(tape, OP_select_detections, &own, sizeof own, 4, in, 3, out));
    }
    *boxes = out[0];
    *scores = out[1];
    *labels = out[2];
    return OK;
}

enum status nms(struct tape *tape, struct tensor *boxes, struct tensor *scores,
                struct tensor *labels, const struct nms_args *args, struct tensor **keep,
                struct tensor **n_keep)
{
    TRY(check_rank("nms", "boxes", boxes, 3));
    TRY(check_length("nms", "scores", scores, boxes->shape[0] * boxes->shape[1]));
    TRY(check_length("nms", "labels", labels, boxes->shape[0] * boxes->shape[1]));
    int64_t shape[2] = {boxes->shape[0], args->max_keep};
    struct tensor *in[] = {boxes, scores, labels}, *out[2];
    TRY(tape_tensor(tape, DTYPE_I32, 2, shape, &out[0]));
    TRY(tape_tensor(tape, DTYPE_I32, 1, shape, &out[1]));
    TRY(tape_run(tape, OP_nms, args, sizeof *args, 3, in, 2, out));
    *keep = out[0];
    *n_keep = out[1];
    return OK;
}
