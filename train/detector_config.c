#include "train/detector_config.h"

static int resnet_depth(int type)
{
    static const int depths[] = {18, 34, 50, 101, 152};
    return depths[type];
}

void detector_config_from(const struct config *config, struct detector_config *out)
{
    *out = (struct detector_config){
        .type = (enum detector_type)config->model.type,
        .n_classes = (int)config->model.n_classes,
        .seed = (uint64_t)config->train.seed,
        .bf16 = config->train.precision == PRECISION_BF16,
        .exact_anchors = config->model.anchors == ANCHORS_DETECTRON2,
        .backbone =
            {
                .depth = resnet_depth(config->backbone.type),
                .norm = (enum norm_type)config->backbone.norm,
                .norm_eps = config->backbone.norm_eps,
                .gn_groups = (int)config->backbone.gn_groups,
                .stride_in_1x1 = config->backbone.stride_in_1x1 == STRIDE_1X1,
                .trainable_layers = (int)config->backbone.trainable_layers,
            },
        .retinanet =
            {
                .prior = config->retinanet.prior,
                .focal_alpha = config->retinanet.focal_alpha,
                .focal_gamma = config->retinanet.focal_gamma,
                .box_loss = config->retinanet.box_loss,
                .box_beta = config->retinanet.box_beta,
                .running_normalizer = config->retinanet.normalizer == NORMALIZER_RUNNING,
                .match_high = config->retinanet.match_high,
                .match_low = config->retinanet.match_low,
                .score_threshold = config->retinanet.score_threshold,
                .nms_threshold = config->retinanet.nms_threshold,
                .top_k = (int)config->retinanet.top_k,
                .max_detections = (int)config->retinanet.max_detections,
                .p6_from_c5 = config->retinanet.p6_from_c5,
            },
        .rpn =
            {
                .match_high = config->rpn.match_high,
                .match_low = config->rpn.match_low,
                .samples = (int)config->rpn.samples,
                .positive_fraction = config->rpn.positive_fraction,
                .box_loss = config->rpn.box_loss,
                .box_beta = config->rpn.box_beta,
                .fixed_normalizer = config->rpn.fixed_normalizer,
                .train_top_k = (int)config->rpn.train_top_k,
                .top_k = (int)config->rpn.top_k,
                .train_keep = (int)config->rpn.train_keep,
                .keep = (int)config->rpn.keep,
                .nms_threshold = config->rpn.nms_threshold,
            },
        .roi =
            {
                .match_iou = config->roi.match_iou,
                .samples = (int)config->roi.samples,
                .positive_fraction = config->roi.positive_fraction,
                .aligned = config->roi.aligned,
                .sampling_ratio = (int)config->roi.sampling_ratio,
                .box_loss = config->roi.box_loss,
                .box_beta = config->roi.box_beta,
                .class_agnostic = config->roi.class_agnostic,
                .score_threshold = config->roi.score_threshold,
                .nms_threshold = config->roi.nms_threshold,
                .max_detections = (int)config->roi.max_detections,
            },
        .mask = {.class_agnostic = config->mask.class_agnostic,
                 .paste = {.method = (enum paste_method)config->mask.paste,
                           .threshold = (float)config->mask.threshold}},
        .classifier = {.label_smoothing = config->classifier.label_smoothing,
                       .n_aux = config->classifier.aux_stages.n},
    };
    for (int i = 0; i < out->classifier.n_aux && i < CLASSIFIER_MAX_AUX; i++)
        out->classifier.aux_stages[i] = (int)config->classifier.aux_stages.v[i];
    for (int i = 0; i < config->classifier.weights.n && i <= CLASSIFIER_MAX_AUX; i++)
        out->classifier.weights[i] = config->classifier.weights.v[i];
    for (int i = 0; i < RPN_LEVELS; i++)
        out->rpn.anchor_sizes[i] = (int)config->rpn.anchor_sizes.v[i];
    for (int site = 0; site < N_POOL_SITES; site++)
        config_pool_layer(config, (enum pool_site)site, &out->backbone.pools[site]);
}
