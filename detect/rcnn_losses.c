// Training: proposals, sampled RoIs, losses of the heads.
#include "detect/batch_check.h"
#include "detect/rcnn.h"

static const float BOX_WEIGHTS[4] = {10, 10, 5, 5};

static void add_root(struct detector_losses *losses, const char *name, struct tensor *root)
{
    losses->names[losses->n] = name;
    losses->roots[losses->n_roots] = root;
    losses->root_loss[losses->n_roots++] = losses->n++;
}

static enum status draw_rois(struct rcnn *net, struct tape *tape,
                             const struct proposals *proposals,
                             const struct batch_objects *objects, struct roi_samples *samples)
{
    const struct detector_config *config = &net->base.config;
    struct tensor *given = NULL;
    if (net->given_rois) {
        int64_t shape[2] = {objects->boxes->shape[0], config->roi.samples};
        TRY(tape_upload(tape, DTYPE_I32, 2, shape, net->given_rois, &given));
    }
    struct sample_rois_args args = {
        .n_samples = config->roi.samples,
        .positive_fraction = (float)config->roi.positive_fraction,
        .iou = (float)config->roi.match_iou,
    };
    return sample_rois(tape, proposals->boxes, proposals->keep, proposals->n_keep, objects->boxes,
                       objects->labels, objects->counts, given, &args, samples);
}

static enum status box_losses(struct rcnn *net, struct tape *tape, struct tensor *const *maps,
                              const struct roi_samples *samples,
                              const struct batch_objects *objects, struct detector_losses *losses)
{
    const struct detector_config *config = &net->base.config;
    struct roi_list list = {samples->rois, samples->roi_image, samples->count, NULL};
    struct tensor *pooled = NULL, *logits = NULL, *deltas = NULL, *loss = NULL;
    TRY(roi_pool(config, tape, &list, maps, ROI_BOX_SIDE, &pooled));
    TRY(box_head_forward(&net->box_head, tape, pooled, &logits, &deltas));
    static const struct softmax_loss_args plain = {0};
    TRY(softmax_loss(tape, logits, samples->labels, samples->count, &plain, &loss));
    add_root(losses, "classifier", loss);
    struct roi_box_loss_args args = {
        .beta = (float)config->roi.box_beta,
        .weights = {BOX_WEIGHTS[0], BOX_WEIGHTS[1], BOX_WEIGHTS[2], BOX_WEIGHTS[3]},
        .kind = config->roi.box_loss,
        .class_agnostic = config->roi.class_agnostic,
    };
    TRY(roi_box_loss(tape, deltas, samples, objects->boxes, &args, &loss));
    add_root(losses, "box_reg", loss);
    return OK;
}

static enum status mask_losses(struct rcnn *net, struct tape *tape, const struct batch *batch,
                               struct tensor *const *maps, struct tensor *sizes,
                               const struct roi_samples *samples, struct detector_losses *losses)
{
    const struct detector_config *config = &net->base.config;
    struct roi_list list = {samples->rois, samples->roi_image, samples->n_positive,
                            samples->positives};
    struct tensor *pooled = NULL, *logits = NULL, *targets = NULL, *loss = NULL;
    struct batch_masks masks;
    TRY(batch_upload_masks(tape, batch, &masks));
    struct mask_targets_args target = {.size = MASK_SIDE, .max_objects = batch->max_objects};
    TRY(mask_targets(tape, masks.masks, masks.frames, masks.starts, sizes, samples, &target,
                     &targets));
    TRY(roi_pool(config, tape, &list, maps, ROI_MASK_SIDE, &pooled));
    TRY(mask_head_forward(&net->mask_head, tape, pooled, &logits));
    struct mask_loss_args args = {.class_agnostic = config->mask.class_agnostic};
    TRY(mask_loss(tape, logits, targets, samples, &args, &loss));
    add_root(losses, "mask", loss);
    return OK;
}

enum status rcnn_losses(struct detector *detector, struct tape *tape, const struct batch *batch,
                        struct detector_losses *losses)
{
    struct rcnn *net = (struct rcnn *)detector;
    const struct detector_config *config = &detector->config;
    struct tensor *images = NULL, *sizes = NULL, *anchors = NULL, *maps[RPN_LEVELS];
    struct level_outputs out;
    struct batch_objects objects;
    struct proposals proposals;
    struct roi_samples samples;
    struct detector_losses result = {0};
    TRY(batch_check(batch, 1, config->n_classes));
    TRY(batch_upload_images(tape, batch, &images));
    TRY(batch_upload_sizes(tape, batch, &sizes));
    TRY(batch_upload_objects(tape, batch, &objects));
    TRY(rcnn_features(net, tape, images, maps));
    TRY(rpn_forward(&net->rpn, tape, maps, &out));
    TRY(anchor_levels_upload(&net->rpn.levels, tape, batch->height, batch->width, &out,
                             &anchors));
    TRY(rpn_losses(config, tape, &out, anchors, &objects, net->given_anchors, &result));
    TRY(rpn_propose(config, tape, &out, anchors, sizes, true, &proposals));
    TRY(draw_rois(net, tape, &proposals, &objects, &samples));
    TRY(box_losses(net, tape, maps, &samples, &objects, &result));
    if (net->has_masks) TRY(mask_losses(net, tape, batch, maps, sizes, &samples, &result));
    *losses = result;
    return OK;
}
