// Boxes (x1, y1, x2, y2) to regression targets (dx, dy, dw, dh) relative to an anchor, and back:
// torchvision's BoxCoder, in its order of operations. Valid as C17 and CUDA C++.
#ifndef TARN_NN_BOX_CODER_H
#define TARN_NN_BOX_CODER_H

#include <math.h>

#include "base/both.h"

// log(1000 / 16): growth is limited above, so that expf stays finite.
#define BOX_MAX_GROWTH 4.135166556742356f

// d = weight * (centre - anchor centre) / anchor size; weight * log(size / anchor size).
// Anchor and box must have positive sizes.
BOTH_INLINE void box_encode(const float anchor[4], const float box[4], const float weights[4],
                            float delta[4])
{
    for (int axis = 0; axis < 2; axis++) {
        float anchor_size = anchor[axis + 2] - anchor[axis];
        float anchor_centre = anchor[axis] + 0.5f * anchor_size;
        float size = box[axis + 2] - box[axis];
        float centre = box[axis] + 0.5f * size;
        delta[axis] = weights[axis] * (centre - anchor_centre) / anchor_size;
        delta[axis + 2] = weights[axis + 2] * logf(size / anchor_size);
    }
}

// The inverse, for any delta; a delta that is NaN gives a box that is NaN.
BOTH_INLINE void box_decode(const float anchor[4], const float delta[4], const float weights[4],
                            float box[4])
{
    for (int axis = 0; axis < 2; axis++) {
        float anchor_size = anchor[axis + 2] - anchor[axis];
        float anchor_centre = anchor[axis] + 0.5f * anchor_size;
        float shift = delta[axis] / weights[axis];
        float growth = delta[axis + 2] / weights[axis + 2];
        growth = growth > BOX_MAX_GROWTH ? BOX_MAX_GROWTH : growth;
        float centre = shift * anchor_size + anchor_centre;
        float half = 0.5f * (expf(growth) * anchor_size);
        box[axis] = centre - half;
        box[axis + 2] = centre + half;
    }
}

// Clips to [0, width] x [0, height]; size: height, width.
BOTH_INLINE void box_clip(const float size[2], float box[4])
{
    for (int i = 0; i < 4; i++) {
        float limit = size[i % 2 == 0];
        box[i] = box[i] < 0.0f ? 0.0f : box[i] > limit ? limit : box[i];
    }
}

#endif
