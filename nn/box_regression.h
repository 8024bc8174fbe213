// Losses of box regression for one box, and their slopes with respect to its deltas: smooth L1 of
// the deltas, or 1 - GIoU of the decoded box (Rezatofighi et al. 2019), with the margins of
// torchvision's. Valid as C17 and CUDA C++.
#ifndef TARN_NN_BOX_REGRESSION_H
#define TARN_NN_BOX_REGRESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "nn/box_coder.h"

enum { BOX_LOSS_SMOOTH_L1 = 0, BOX_LOSS_GIOU = 1 };

struct box_regression {
    int kind;
    float beta;       // smooth L1 is quadratic below; 0: L1
    float weights[4]; // of the box coder
};

BOTH_INLINE float smooth_l1(float difference, float beta)
{
    float size = fabsf(difference);
    return size < beta ? 0.5f * size * size / beta : size - 0.5f * beta;
}

BOTH_INLINE float smooth_l1_slope(float difference, float beta)
{
    if (fabsf(difference) < beta) return difference / beta;
    return difference > 0.0f ? 1.0f : difference < 0.0f ? -1.0f : difference; // NaN stays
}

// 1 - GIoU of a box with another; slope: with respect to the first, may be NULL.
BOTH_INLINE float giou_loss(const float box[4], const float other[4], float slope[4])
{
    const float margin = 1e-7f;
    float shared_side[2], hull_side[2], side[2], other_side[2];
    for (int axis = 0; axis < 2; axis++) {
        float a0 = box[axis], a1 = box[axis + 2], b0 = other[axis], b1 = other[axis + 2];
        shared_side[axis] = (a1 < b1 ? a1 : b1) - (a0 > b0 ? a0 : b0);
        hull_side[axis] = (a1 > b1 ? a1 : b1) - (a0 < b0 ? a0 : b0);
        side[axis] = a1 - a0;
        other_side[axis] = b1 - b0;
    }
    bool meets = shared_side[0] > 0.0f && shared_side[1] > 0.0f;
    float shared = meets ? shared_side[0] * shared_side[1] : 0.0f;
    float joined = side[0] * side[1] + other_side[0] * other_side[1] - shared;
    float hull = hull_side[0] * hull_side[1];
    float joined_m = joined + margin, hull_m = hull + margin;
    if (slope) {
        float by_joined = shared / (joined_m * joined_m) - 1.0f / hull_m;
        float by_shared = -1.0f / joined_m - by_joined; // joined falls as shared grows
        float by_hull = joined_m / (hull_m * hull_m);
        for (int axis = 0; axis < 2; axis++) {
            float across = side[1 - axis] * by_joined;
            float shared_across = meets ? shared_side[1 - axis] * by_shared : 0.0f;
            float hull_across = hull_side[1 - axis] * by_hull;
            bool inside0 = box[axis] > other[axis], inside1 = box[axis + 2] < other[axis + 2];
            slope[axis] = -across - (inside0 ? shared_across : hull_across);
            slope[axis + 2] = across + (inside1 ? shared_across : hull_across);
        }
    }
    return 1.0f - (shared / joined_m - (hull - joined) / hull_m);
}

// The loss of the deltas of an anchor whose object is `box`.
BOTH_INLINE float box_regression_loss(const struct box_regression *r, const float anchor[4],
                                      const float box[4], const float delta[4])
{
    float target[4], loss = 0.0f;
    if (r->kind == BOX_LOSS_GIOU) {
        box_decode(anchor, delta, r->weights, target);
        return giou_loss(target, box, NULL);
    }
    box_encode(anchor, box, r->weights, target);
    for (int k = 0; k < 4; k++) loss += smooth_l1(delta[k] - target[k], r->beta);
    return loss;
}

BOTH_INLINE void box_regression_slope(const struct box_regression *r, const float anchor[4],
                                      const float box[4], const float delta[4], float slope[4])
{
    float target[4], by_edge[4];
    if (r->kind != BOX_LOSS_GIOU) {
        box_encode(anchor, box, r->weights, target);
        for (int k = 0; k < 4; k++) slope[k] = smooth_l1_slope(delta[k] - target[k], r->beta);
        return;
    }
    box_decode(anchor, delta, r->weights, target);
    giou_loss(target, box, by_edge);
    for (int axis = 0; axis < 2; axis++) {
        float half = 0.5f * (target[axis + 2] - target[axis]);
        bool grows = !(delta[axis + 2] / r->weights[axis + 2] > BOX_MAX_GROWTH);
        slope[axis] = (by_edge[axis] + by_edge[axis + 2]) * (anchor[axis + 2] - anchor[axis]) /
                      r->weights[axis];
        slope[axis + 2] =
            grows ? (by_edge[axis + 2] - by_edge[axis]) * half / r->weights[axis + 2] : 0.0f;
    }
}

#endif
