// One level's part of the sampled anchors, for the losses of the region proposal network.
#ifndef TARN_CPU_SAMPLED_LEVEL_H
#define TARN_CPU_SAMPLED_LEVEL_H

#include <assert.h>

#include "cpu/kernels.h"

struct sampled_level {
    int64_t n_images, n_anchors, n_all; // of an image: of this level, of all levels
    int64_t offset;
    const uint8_t *sampled; // (n_images, n_all)
    double weight;          // 1 / what the sum is divided by
};

// head: (N,H,W,A*per_anchor)
static inline struct sampled_level sampled_level_of(const struct tensor *head, int64_t per_anchor,
                                                    const struct tensor *sampled,
                                                    const struct tensor *n_sampled, int64_t offset,
                                                    double normalizer)
{
    struct sampled_level level;
    int32_t n = *(const int32_t *)n_sampled->data;
    level.n_images = head->shape[0];
    level.n_anchors = head->shape[1] * head->shape[2] * head->shape[3] / per_anchor;
    level.n_all = sampled->shape[1];
    level.offset = offset;
    level.sampled = (const uint8_t *)sampled->data;
    level.weight = 1.0 / (normalizer > 0.0 ? normalizer : n > 1 ? n : 1);
    assert(offset + level.n_anchors <= level.n_all);
    return level;
}

// The row of `sampled` that belongs to this level, of one image.
static inline const uint8_t *sampled_row(const struct sampled_level *level, int64_t image)
{
    return level->sampled + image * level->n_all + level->offset;
}

#endif
