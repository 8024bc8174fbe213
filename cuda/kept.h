// The list of what nms kept, image by image without gaps (nn/ops_rcnn.h).
#ifndef TARN_CUDA_KEPT_H
#define TARN_CUDA_KEPT_H

#include "cuda/launch.h"

// Entry i of the lists of all images, n of which lie in each: its image and its place there.
// false: behind the last. There are few images, so each thread walks over them.
static __device__ inline bool kept_at(const int32_t *n, uint32_t n_images, uint32_t i,
                                      uint32_t *image, uint32_t *place)
{
    for (uint32_t k = 0; k < n_images; k++) {
        uint32_t own = (uint32_t)n[k];
        if (i < own) {
            *image = k;
            *place = i;
            return true;
        }
        i -= own;
    }
    return false;
}

static __device__ inline int32_t kept_total(const int32_t *n, uint32_t n_images)
{
    int32_t total = 0;
    for (uint32_t k = 0; k < n_images; k++) total += n[k];
    return total;
}

#endif
