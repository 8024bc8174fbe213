#include "detect/roi_heads.h"

#include <math.h>
#include <stdio.h>

enum { HIDDEN = 1024, MASK_CHANNELS = 256 };

enum status box_head_declare(struct params *params, const struct detector_config *config,
                             int channels, struct box_head *head)
{
    const int pooled[3] = {channels, ROI_BOX_SIDE, ROI_BOX_SIDE}, hidden[3] = {HIDDEN, 1, 1};
    int n_classes = config->n_classes, n_boxes = config->roi.class_agnostic ? 1 : n_classes;
    TRY(layer_declare_linear(params, "roi_heads.box_head.fc6", HIDDEN, pooled, &head->fc6));
    TRY(layer_declare_linear(params, "roi_heads.box_head.fc7", HIDDEN, hidden, &head->fc7));
    TRY(layer_declare_linear(params, "roi_heads.box_predictor.cls_score", n_classes, hidden,
                             &head->logits));
    return layer_declare_linear(params, "roi_heads.box_predictor.bbox_pred", n_boxes * 4, hidden,
                                &head->deltas);
}

enum status mask_head_declare(struct params *params, const struct detector_config *config,
                              int channels, struct mask_head *head)
{
    struct layer_init init = {INIT_KAIMING_NORMAL_FAN_OUT, 0, INIT_ZERO, 0};
    char name[64];
    int n_in = channels;
    for (int i = 0; i < MASK_CONVS; i++, n_in = MASK_CHANNELS) {
        snprintf(name, sizeof name, "roi_heads.mask_head.%d.0", i);
        TRY(layer_declare_conv(params, name, MASK_CHANNELS, 3, n_in, &init, &head->convs[i]));
    }
    // PyTorch's default bias is bound by 1 / sqrt(fan in); a transposed convolution's fan in is
    // counted over its outputs.
    init.bias = INIT_UNIFORM;
    init.bias_a = 1.0 / sqrt(4.0 * MASK_CHANNELS);
    TRY(layer_declare_conv_transpose(params, "roi_heads.mask_predictor.conv5_mask", MASK_CHANNELS,
                                     MASK_CHANNELS, &init, &head->upsample));
    init.bias_a = 1.0 / sqrt((double)MASK_CHANNELS);
    int n_masks = config->mask.class_agnostic ? 1 : config->n_classes;
    return layer_declare_conv(params, "roi_heads.mask_predictor.mask_fcn_logits", n_masks, 1,
                              MASK_CHANNELS, &init, &head->logits);
}

enum status roi_pool(const struct detector_config *config, struct tape *tape,
                     const struct roi_list *list, struct tensor *const *maps, int side,
                     struct tensor **y)
{
    struct roi_align_args args = {
        .n_levels = ROI_LEVELS,
        .size = side,
        .sampling_ratio = config->roi.sampling_ratio,
        .aligned = config->roi.aligned,
    };
    for (int i = 0; i < ROI_LEVELS; i++) args.scales[i] = 1.0f / (float)(4 << i);
    return roi_align(tape, list->rois, list->images, list->count, list->select, maps, &args, y);
}

static enum status run_linear(const struct layer *layer, struct tape *tape, struct tensor *x,
                              bool relu, struct tensor **y)
{
    struct linear_args args = {.relu = relu, .f32_output = !relu};
    return linear(tape, x, layer->weight, layer->bias, &args, y);
}

enum status box_head_forward(const struct box_head *head, struct tape *tape, struct tensor *x,
                             struct tensor **logits, struct tensor **deltas)
{
    struct tensor *hidden = NULL, *features = NULL;
    TRY(run_linear(&head->fc6, tape, x, true, &hidden));
    tape_drop(tape, x);
    TRY(run_linear(&head->fc7, tape, hidden, true, &features));
    tape_drop(tape, hidden);
    TRY(run_linear(&head->logits, tape, features, false, logits));
    TRY(run_linear(&head->deltas, tape, features, false, deltas));
    tape_drop(tape, features);
    return OK;
}

enum status mask_head_forward(const struct mask_head *head, struct tape *tape, struct tensor *x,
                              struct tensor **logits)
{
    static const struct conv_transpose_args relu = {.relu = true};
    struct tensor *map = x, *next = NULL;
    for (int i = 0; i < MASK_CONVS; i++) {
        TRY(layer_conv(&head->convs[i], tape, map, true, &next));
        tape_drop(tape, map);
        map = next;
    }
    TRY(conv_transpose(tape, map, head->upsample.weight, head->upsample.bias, &relu, &next));
    tape_drop(tape, map);
    map = next;
    TRY(layer_conv(&head->logits, tape, map, false, logits));
    tape_drop(tape, map);
    return OK;
}
