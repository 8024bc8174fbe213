#include "nn/check.h"
#include "nn/ops_rcnn.h"
#include "nn/paste.h"

enum status conv_transpose(struct tape *tape, struct tensor *x, struct tensor *w,
                           struct tensor *bias, const struct conv_transpose_args *args,
                           struct tensor **y)
{
    char text_x[TENSOR_TEXT_BYTES], text_w[TENSOR_TEXT_BYTES];
    TRY(check_rank("conv_transpose", "x", x, 4));
    TRY(check_rank("conv_transpose", "w", w, 4));
    TRY(check_activation(tape, "conv_transpose", "x", x));
    TRY(check_f32("conv_transpose", "w", w));
    if (w->shape[0] != 2 || w->shape[1] != 2 || w->shape[3] != x->shape[3])
        return fail(ERR_USAGE, "conv_transpose: x is %s but w is %s (2,2,O,I)",
                    tensor_text(x, text_x), tensor_text(w, text_w));
    TRY(check_length("conv_transpose", "bias", bias, w->shape[2]));
    int64_t shape[4] = {x->shape[0], 2 * x->shape[1], 2 * x->shape[2], w->shape[2]};
    struct tensor *out;
    TRY(tape_tensor(tape, x->dtype, 4, shape, &out));
    out->valid = x->valid;
    struct tensor *in[] = {x, w, bias};
    TRY(tape_run(tape, OP_conv_transpose, args, sizeof *args, 3, in, 1, &out));
    *y = out;
    return OK;
}

enum status mask_targets(struct tape *tape, struct tensor *masks, struct tensor *frames,
                         struct tensor *starts, struct tensor *sizes,
                         const struct roi_samples *samples, const struct mask_targets_args *args,
                         struct tensor **targets)
{
    const char *op = "mask_targets";
    TRY(check_rank(op, "sizes", sizes, 2));
    int64_t n_objects = sizes->shape[0] * args->max_objects, n = samples->rois->shape[0];
    TRY(check_length(op, "frames", frames, n_objects * 4));
    TRY(check_length(op, "starts", starts, n_objects * 2));
    TRY(check_length(op, "roi_image", samples->roi_image, n));
    TRY(check_length(op, "matched", samples->matched, n));
    TRY(check_length(op, "n_positive", samples->n_positive, 1));
    if (args->size < 1 || args->size > ROI_MAX_SIZE)
        return fail(ERR_USAGE, "mask_targets: size %d, expected 1 to %d", args->size, ROI_MAX_SIZE);
    int64_t shape[3] = {samples->positives->shape[0], args->size, args->size};
    struct tensor *in[] = {masks,
                           frames,
                           starts,
                           sizes,
                           samples->rois,
                           samples->roi_image,
                           samples->matched,
                           samples->positives,
                           samples->n_positive};
    struct tensor *out;
    TRY(tape_tensor(tape, DTYPE_F32, 3, shape, &out));
    TRY(tape_run(tape, OP_mask_targets, args, sizeof *args, 9, in, 1, &out));
    *targets = out;
    return OK;
}

// A mask of each class, or one for all of them.
static enum status check_masks(const char *op, const struct tensor *logits,
                               const struct mask_loss_args *args)
{
    char text[TENSOR_TEXT_BYTES];
    TRY(check_rank(op, "logits", logits, 4));
    TRY(check_f32(op, "logits", logits));
    if (args->class_agnostic && logits->shape[3] != 1)
        return fail(ERR_USAGE, "%s: logits are %s, expected one mask for all classes", op,
                    tensor_text(logits, text));
    return OK;
}

enum status mask_loss(struct tape *tape, struct tensor *logits, struct tensor *targets,
                      const struct roi_samples *samples, const struct mask_loss_args *args,
                      struct tensor **loss)
{
    const int64_t one = 1;
    TRY(check_masks("mask_loss", logits, args));
    TRY(check_length("mask_loss", "targets", targets,
                     logits->shape[0] * logits->shape[1] * logits->shape[2]));
    TRY(check_length("mask_loss", "positives", samples->positives, logits->shape[0]));
    TRY(check_length("mask_loss", "n_positive", samples->n_positive, 1));
    struct tensor *in[] = {logits, targets, samples->labels, samples->positives,
                           samples->n_positive};
    struct tensor *out;
    TRY(tape_tensor(tape, DTYPE_F32, 1, &one, &out));
    TRY(tape_run(tape, OP_mask_loss, args, sizeof *args, 5, in, 1, &out));
    *loss = out;
    return OK;
}

enum status mask_probabilities(struct tape *tape, struct tensor *logits, struct tensor *labels,
                               struct tensor *count, const struct mask_loss_args *args,
                               struct tensor **probabilities)
{
    TRY(check_masks("mask_probabilities", logits, args));
    TRY(check_length("mask_probabilities", "labels", labels, logits->shape[0]));
    TRY(check_length("mask_probabilities", "count", count, 1));
    struct tensor *in[] = {logits, labels, count}, *out;
    TRY(tape_tensor(tape, DTYPE_F32, 3, logits->shape, &out));
    TRY(tape_run(tape, OP_mask_probabilities, args, sizeof *args, 3, in, 1, &out));
    *probabilities = out;
    return OK;
}

enum status paste_masks(struct tape *tape, struct tensor *probabilities, struct tensor *boxes,
                        struct tensor *places, const struct paste_args *args, struct tensor **bits)
{
    TRY(check_rank("paste_masks", "probabilities", probabilities, 3));
    TRY(check_rank("paste_masks", "boxes", boxes, 2));
    TRY(check_length("paste_masks", "boxes", boxes, boxes->shape[0] * 4));
    TRY(check_length("paste_masks", "places", places, boxes->shape[0] * N_PASTE));
    if (probabilities->shape[1] != probabilities->shape[2])
        return fail(ERR_USAGE, "paste_masks: maps of %lld x %lld",
                    (long long)probabilities->shape[1], (long long)probabilities->shape[2]);
    struct tensor *in[] = {probabilities, boxes, places}, *out;
    TRY(tape_tensor(tape, DTYPE_I32, 1, &args->n_words, &out));
    TRY(tape_run(tape, OP_paste_masks, args, sizeof *args, 3, in, 1, &out));
    *bits = out;
    return OK;
}
