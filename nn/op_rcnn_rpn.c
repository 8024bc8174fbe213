#include <inttypes.h>

#include "nn/check.h"
#include "nn/ops_rcnn.h"

enum status sample_anchors(struct tape *tape, struct tensor *matched, struct tensor *given,
                           const struct sample_anchors_args *args, struct tensor **sampled,
                           struct tensor **n_sampled)
{
    const int64_t one = 1;
    TRY(check_rank("sample_anchors", "matched", matched, 2));
    TRY(check_length("sample_anchors", "given", given, matched->shape[0] * matched->shape[1]));
    if (args->n_samples < 1 ||
        !(args->positive_fraction >= 0.0f && args->positive_fraction <= 1.0f))
        return fail(ERR_USAGE, "sample_anchors: %d samples, %g of them positive", args->n_samples,
                    (double)args->positive_fraction);
    struct tensor *in[] = {matched, given}, *out[2];
    TRY(tape_tensor(tape, DTYPE_U8, 2, matched->shape, &out[0]));
    TRY(tape_tensor(tape, DTYPE_I32, 1, &one, &out[1]));
    TRY(tape_run(tape, OP_sample_anchors, args, sizeof *args, 2, in, 2, out));
    *sampled = out[0];
    *n_sampled = out[1];
    return OK;
}

// A head output with `per_anchor` channels for each anchor: its anchors must lie within `sampled`.
static enum status check_level(const char *op, const struct tensor *head, int64_t per_anchor,
                               int64_t offset, const struct tensor *sampled,
                               const struct tensor *n_sampled)
{
    char text_head[TENSOR_TEXT_BYTES], text_sampled[TENSOR_TEXT_BYTES];
    TRY(check_rank(op, "head output", head, 4));
    TRY(check_f32(op, "head output", head));
    TRY(check_rank(op, "sampled", sampled, 2));
    TRY(check_length(op, "n_sampled", n_sampled, 1));
    int64_t anchors = head->shape[1] * head->shape[2] * head->shape[3] / per_anchor;
    if (head->shape[3] % per_anchor || head->shape[0] != sampled->shape[0] || offset < 0 ||
        offset + anchors > sampled->shape[1])
        return fail(ERR_USAGE, "%s: head output is %s but sampled is %s", op,
                    tensor_text(head, text_head), tensor_text(sampled, text_sampled));
    return OK;
}

enum status objectness_loss(struct tape *tape, struct tensor *logits, struct tensor *sampled,
                            struct tensor *n_sampled, const struct objectness_loss_args *args,
                            struct tensor **loss)
{
    const int64_t one = 1;
    TRY(check_level("objectness_loss", logits, 1, args->offset, sampled, n_sampled));
    struct tensor *in[] = {logits, sampled, n_sampled}, *out;
    TRY(tape_tensor(tape, DTYPE_F32, 1, &one, &out));
    TRY(tape_run(tape, OP_objectness_loss, args, sizeof *args, 3, in, 1, &out));
    *loss = out;
    return OK;
}

enum status rpn_box_loss(struct tape *tape, struct tensor *deltas, struct tensor *anchors,
                         struct tensor *matched, struct tensor *sampled, struct tensor *gt_boxes,
                         struct tensor *n_sampled, const struct rpn_box_loss_args *args,
                         struct tensor **loss)
{
    const int64_t one = 1;
    TRY(check_level("rpn_box_loss", deltas, 4, args->offset, sampled, n_sampled));
    TRY(check_same("rpn_box_loss", "matched", matched, "sampled", sampled));
    TRY(check_length("rpn_box_loss", "anchors", anchors, sampled->shape[1] * 4));
    TRY(check_rank("rpn_box_loss", "gt_boxes", gt_boxes, 3));
    TRY(check_length("rpn_box_loss", "gt_boxes", gt_boxes,
                     deltas->shape[0] * gt_boxes->shape[1] * 4));
    struct tensor *in[] = {deltas, anchors, matched, sampled, gt_boxes, n_sampled}, *out;
    TRY(tape_tensor(tape, DTYPE_F32, 1, &one, &out));
    TRY(tape_run(tape, OP_rpn_box_loss, args, sizeof *args, 6, in, 1, &out));
    *loss = out;
    return OK;
}

static int64_t level_anchors(const struct tensor *logits)
{
    return logits->shape[1] * logits->shape[2] * logits->shape[3];
}

static enum status check_proposals(const struct tensor *logits, const struct tensor *deltas,
                                   int64_t n_images, const struct tensor *anchors, int64_t offset)
{
    TRY(check_rank("select_proposals", "logits", logits, 4));
    TRY(check_rank("select_proposals", "deltas", deltas, 4));
    TRY(check_f32("select_proposals", "logits", logits));
    TRY(check_f32("select_proposals", "deltas", deltas));
    int64_t n = level_anchors(logits);
    TRY(check_length("select_proposals", "logits", logits, n_images * n));
    TRY(check_length("select_proposals", "deltas", deltas, n_images * n * 4));
    if (n > UINT32_MAX) return fail(ERR_UNSUPPORTED, "select_proposals: %" PRId64 " anchors", n);
    if (offset < 0 || offset + n > anchors->shape[0])
        return fail(ERR_USAGE, "select_proposals: a level has more cells than anchors");
    return OK;
}

enum status select_proposals(struct tape *tape, int n_levels, struct tensor *const *logits,
                             struct tensor *const *deltas, const int64_t *offsets,
                             struct tensor *anchors, struct tensor *sizes,
                             const struct select_proposals_args *args, struct tensor **boxes,
                             struct tensor **scores, struct tensor **levels)
{
    int64_t n = logits[0]->shape[0], n_slots = 0;
    TRY(check_length("select_proposals", "sizes", sizes, n * 2));
    TRY(check_rank("select_proposals", "anchors", anchors, 2));
    if (args->top_k < 1) return fail(ERR_USAGE, "select_proposals: the best %d", args->top_k);
    for (int level = 0; level < n_levels; level++) {
        TRY(check_proposals(logits[level], deltas[level], n, anchors, offsets[level]));
        int64_t n_anchors = level_anchors(logits[level]);
        n_slots += n_anchors < args->top_k ? n_anchors : args->top_k;
    }
    int64_t shape[3] = {n, n_slots, 4};
    struct tensor *out[3];
    TRY(tape_tensor(tape, DTYPE_F32, 3, shape, &out[0]));
    TRY(tape_tensor(tape, DTYPE_F32, 2, shape, &out[1]));
    TRY(tape_tensor(tape, DTYPE_I32, 2, shape, &out[2]));
    struct select_proposals_args own = *args;
    own.slot = 0;
    for (int level = 0; level < n_levels; level++) {
        struct tensor *in[] = {logits[level], deltas[level], anchors, sizes};
        own.level = level;
        own.offset = offsets[level];
        TRY(tape_run(tape, OP_select_proposals, &own, sizeof own, 4, in, 3, out));
        int64_t n_anchors = level_anchors(logits[level]);
        own.slot += (int)(n_anchors < args->top_k ? n_anchors : args->top_k);
    }
    *boxes = out[0];
    *scores = out[1];
    *levels = out[2];
    return OK;
}
