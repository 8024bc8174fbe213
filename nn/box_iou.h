// Intersection over union of boxes (x1, y1, x2, y2) in torchvision's order of operations in float.
// Matches and suppressions compare it for equality and with thresholds, so every backend must get
// the same bits: a product never fuses with the sum after it. Valid as C17 and CUDA C++.
#ifndef TARN_NN_BOX_IOU_H
#define TARN_NN_BOX_IOU_H

#include "nn/box_coder.h"

#ifdef __CUDA_ARCH__
#define BOX_PRODUCT(a, b) __fmul_rn(a, b)
#else
#define BOX_PRODUCT(a, b) ((a) * (b))
#endif

BOTH_INLINE float box_area(const float box[4])
{
    return BOX_PRODUCT(box[2] - box[0], box[3] - box[1]);
}

// NaN where neither box has an area and they do not meet: it suppresses and matches nothing.
BOTH_INLINE float box_iou(const float a[4], float area_a, const float b[4], float area_b)
{
    float left = a[0] > b[0] ? a[0] : b[0], top = a[1] > b[1] ? a[1] : b[1];
    float right = a[2] < b[2] ? a[2] : b[2], bottom = a[3] < b[3] ? a[3] : b[3];
    float width = right - left, height = bottom - top;
    width = width > 0.0f ? width : 0.0f;
    height = height > 0.0f ? height : 0.0f;
    float shared = BOX_PRODUCT(width, height);
    return shared / (area_a + area_b - shared);
}

#endif
