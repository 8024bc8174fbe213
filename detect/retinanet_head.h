// RetinaNet's head (Lin et al. 2017, section 4) as torchvision v1: two towers of four 3x3
// convolutions with ReLU, shared by all levels, then class logits and box deltas. No norms.
#ifndef TARN_DETECT_RETINANET_HEAD_H
#define TARN_DETECT_RETINANET_HEAD_H

#include "detect/layer.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { TOWER_CONVS = 4 };

struct tower {
    struct layer layers[TOWER_CONVS + 1]; // the last: predictions
};

struct retinanet_head {
    struct tower classes, boxes;
};

// Declares head.classification_head.* and head.regression_head.*; every weight starts normal
// with deviation 0.01, biases 0, the class bias at -ln((1 - prior) / prior).
enum status retinanet_head_declare(struct params *params, int channels, int n_anchors,
                                   int n_classes, double prior,
                                   struct retinanet_head *head) MUST_USE;

// One level: x (N,H,W,C) -> logits (N,H,W,A*K), deltas (N,H,W,A*4).
enum status retinanet_head_forward(const struct retinanet_head *head, struct tape *tape,
                                   struct tensor *x, struct tensor **logits,
                                   struct tensor **deltas) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
