// The heads of Fast and Mask R-CNN (Girshick 2015, He et al. 2017) as torchvision v1: for each RoI
// class logits and box deltas from two linear layers, and a mask from small convolutions.
#ifndef TARN_DETECT_ROI_HEADS_H
#define TARN_DETECT_ROI_HEADS_H

#include "detect/detector.h"
#include "detect/layer.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    ROI_LEVELS = 4, // P2 to P5
    ROI_BOX_SIDE = 7,
    ROI_MASK_SIDE = 14,
    MASK_SIDE = 2 * ROI_MASK_SIDE, // of the predicted mask
    MASK_CONVS = 4,
};

// A list of RoIs: rois (C,4), images (C) i32, count (1) i32, as nn/ops_rcnn.h has them.
// select (P) i32 with its count picks some of them; NULL: all.
struct roi_list {
    struct tensor *rois, *images, *count, *select;
};

struct box_head {
    struct layer fc6, fc7, logits, deltas;
};

struct mask_head {
    struct layer convs[MASK_CONVS], upsample, logits;
};

// roi_heads.box_head.fc6, fc7, roi_heads.box_predictor.cls_score, bbox_pred: PyTorch's defaults.
enum status box_head_declare(struct params *params, const struct detector_config *config,
                             int channels, struct box_head *head) MUST_USE;

// roi_heads.mask_head.{i}.0, roi_heads.mask_predictor.conv5_mask, mask_fcn_logits: normal weights
// of fan out; the predictor's biases as PyTorch's default, the others 0.
enum status mask_head_declare(struct params *params, const struct detector_config *config,
                              int channels, struct mask_head *head) MUST_USE;

// RoIAlign on maps P2..P5 (strides 4 to 32) to side x side: y (C,side,side,channels).
enum status roi_pool(const struct detector_config *config, struct tape *tape,
                     const struct roi_list *list, struct tensor *const *maps, int side,
                     struct tensor **y) MUST_USE;

// x (C,7,7,channels), dropped -> logits (C,K), deltas (C,K*4) or (C,4).
enum status box_head_forward(const struct box_head *head, struct tape *tape, struct tensor *x,
                             struct tensor **logits, struct tensor **deltas) MUST_USE;

// x (C,14,14,channels), dropped -> logits (C,28,28,K) or (C,28,28,1).
enum status mask_head_forward(const struct mask_head *head, struct tape *tape, struct tensor *x,
                              struct tensor **logits) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
