// Inside detect/: the parts of Faster and Mask R-CNN, which differ by the mask head alone.
#ifndef TARN_DETECT_RCNN_H
#define TARN_DETECT_RCNN_H

#include "backbone/fpn.h"
#include "detect/detector_kind.h"
#include "detect/roi_heads.h"
#include "detect/rpn.h"

#ifdef __cplusplus
extern "C" {
#endif

struct rcnn {
    struct detector base;
    struct resnet *resnet;
    struct fpn *fpn;
    struct rpn rpn;
    struct box_head box_head;
    struct mask_head mask_head;
    bool has_masks;
    // Samples to take instead of drawing them, for comparison with other programs; borrowed, NULL:
    // draw. Anchors (N, all anchors) as sample_anchors has them, RoIs (N, roi.samples) as
    // sample_rois.
    const uint8_t *given_anchors;
    const int32_t *given_rois;
};

// images (N,H,W,3), dropped by nobody -> maps P2..P6.
enum status rcnn_features(struct rcnn *net, struct tape *tape, struct tensor *images,
                          struct tensor *maps[RPN_LEVELS]) MUST_USE;

// Of struct detector_kind.
enum status rcnn_losses(struct detector *detector, struct tape *tape, const struct batch *batch,
                        struct detector_losses *losses) MUST_USE;
enum status rcnn_detect(struct detector *detector, struct tape *tape, const struct batch *batch,
                        struct detections *out) MUST_USE;
enum status rcnn_forward(struct detector *detector, struct tape *tape,
                         struct tensor *images) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
