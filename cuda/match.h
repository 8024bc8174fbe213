// What an anchor or a candidate is matched with, from its best IoU.
#ifndef TARN_CUDA_MATCH_H
#define TARN_CUDA_MATCH_H

#include "cuda/launch.h"
#include "nn/box_iou.h"
#include "nn/ops.h"

struct match_best {
    float iou;       // below 0: there are no objects
    int32_t object;  // the first of those with this IoU
    bool is_claimed; // by an object that has no better anchor
};

static __device__ inline struct match_best match_nothing(int32_t n_objects)
{
    struct match_best best;
    best.iou = n_objects > 0 ? 0.0f : -1.0f;
    best.object = 0;
    best.is_claimed = false;
    return best;
}

static __device__ inline int32_t match_result(const struct match_best *best, float high, float low)
{
    if (best->iou >= 0.0f && (best->iou >= high || best->is_claimed)) return best->object;
    return best->iou < low ? MATCH_NONE : MATCH_IGNORED;
}

static __device__ inline void match_load(const float *boxes, size_t i, float box[4])
{
    float4 value = ((const float4 *)boxes)[i];
    box[0] = value.x;
    box[1] = value.y;
    box[2] = value.z;
    box[3] = value.w;
}

#endif
