// Faster R-CNN with FPN (Ren et al. 2015, Lin et al. 2017) and Mask R-CNN (He et al. 2017): their
// parameters and entries in the table of detectors.
#include <math.h>

#include "detect/batch_upload.h"
#include "detect/rcnn.h"

enum { FPN_CHANNELS = 256 };

static const char *const box_class_tensors[] = {
    "roi_heads.box_predictor.cls_score.weight",
    "roi_heads.box_predictor.cls_score.bias",
    "roi_heads.box_predictor.bbox_pred.weight",
    "roi_heads.box_predictor.bbox_pred.bias",
    NULL,
};

static const char *const mask_class_tensors[] = {
    "roi_heads.box_predictor.cls_score.weight",
    "roi_heads.box_predictor.cls_score.bias",
    "roi_heads.box_predictor.bbox_pred.weight",
    "roi_heads.box_predictor.bbox_pred.bias",
    "roi_heads.mask_predictor.mask_fcn_logits.weight",
    "roi_heads.mask_predictor.mask_fcn_logits.bias",
    NULL,
};

static enum status check_config(const struct detector_config *config)
{
    if (config->n_classes < 2)
        return fail(ERR_USAGE, "R-CNN with %d classes: besides the background, class 0, at least "
                    "one is needed", config->n_classes);
    if (config->backbone.pools[POOL_GLOBAL].def)
        return fail(ERR_USAGE, "a global pool belongs to a classifier; R-CNN has none");
    // Positive RoIs have a list of their own, which needs room.
    double fraction = config->roi.positive_fraction;
    if (!(fraction > 0 && fraction <= 1) || floor(config->roi.samples * fraction) < 1)
        return fail(ERR_USAGE, "roi: %d samples, a fraction of %g of them positive, is not one "
                    "positive RoI", config->roi.samples, fraction);
    if (config->roi.sampling_ratio < 0)
        return fail(ERR_USAGE, "roi: sampling_ratio %d, expected 0 or more",
                    config->roi.sampling_ratio);
    if (!(config->roi.score_threshold >= 0 && config->roi.score_threshold <= 1))
        return fail(ERR_USAGE, "roi: score_threshold %g, expected 0 to 1",
                    config->roi.score_threshold);
    if (config->roi.max_detections < 1)
        return fail(ERR_USAGE, "roi: max_detections %d, expected 1 or more",
                    config->roi.max_detections);
    return OK;
}

static enum status rcnn_build(struct detector *detector)
{
    struct rcnn *net = (struct rcnn *)detector;
    const struct detector_config *config = &detector->config;
    struct params *params = detector->params;
    TRY(check_config(config));
    net->has_masks = config->type == DETECTOR_MASK_RCNN;
    TRY(resnet_create(&config->backbone, params, "backbone.body.", &net->resnet));
    struct fpn_config fpn = {
        .n_in = ROI_LEVELS, .out_channels = FPN_CHANNELS, .extra = FPN_MAX_POOL};
    for (int i = 0; i < ROI_LEVELS; i++) fpn.in_channels[i] = resnet_channels(net->resnet, i);
    TRY(fpn_create(&fpn, params, "backbone.fpn.", &net->fpn));
    TRY(rpn_declare(params, config, FPN_CHANNELS, &net->rpn));
    TRY(box_head_declare(params, config, FPN_CHANNELS, &net->box_head));
    return net->has_masks ? mask_head_declare(params, config, FPN_CHANNELS, &net->mask_head) : OK;
}

static void rcnn_free(struct detector *detector)
{
    struct rcnn *net = (struct rcnn *)detector;
    resnet_destroy(net->resnet);
    fpn_destroy(net->fpn);
    rpn_free(&net->rpn);
}

static enum status rcnn_refresh(struct detector *detector)
{
    return resnet_refresh(((struct rcnn *)detector)->resnet);
}

static enum status rcnn_calm(struct detector *detector, float factor, int *n_scaled)
{
    return resnet_calm_fresh_branches(((struct rcnn *)detector)->resnet, factor, n_scaled);
}

enum status rcnn_features(struct rcnn *net, struct tape *tape, struct tensor *images,
                          struct tensor *maps[RPN_LEVELS])
{
    static const bool want[4] = {true, true, true, true};
    struct tensor *c[4], *p[FPN_MAX_OUT];
    TRY(batch_cast_images(tape, net->base.config.bf16, &images));
    TRY(resnet_forward(net->resnet, tape, images, want, c));
    TRY(fpn_forward(net->fpn, tape, c, p));
    for (int i = 0; i < RPN_LEVELS; i++) maps[i] = p[i];
    return OK;
}

const struct detector_kind detector_faster_rcnn = {
    .name = "faster_rcnn",
    .bytes = sizeof(struct rcnn),
    .class_tensors = box_class_tensors,
    .build = rcnn_build,
    .free = rcnn_free,
    .refresh = rcnn_refresh,
    .calm = rcnn_calm,
    .losses = rcnn_losses,
    .detect = rcnn_detect,
    .forward = rcnn_forward,
};

const struct detector_kind detector_mask_rcnn = {
    .name = "mask_rcnn",
    .bytes = sizeof(struct rcnn),
    .class_tensors = mask_class_tensors,
    .build = rcnn_build,
    .free = rcnn_free,
    .refresh = rcnn_refresh,
    .calm = rcnn_calm,
    .losses = rcnn_losses,
    .detect = rcnn_detect,
    .forward = rcnn_forward,
};
