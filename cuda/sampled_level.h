// One level's part of the sampled anchors, for the losses of the region proposal network.
#ifndef TARN_CUDA_SAMPLED_LEVEL_H
#define TARN_CUDA_SAMPLED_LEVEL_H

#include "cuda/loss.h"

// A block takes SAMPLED_TILE anchors of an image.
enum { SAMPLED_THREADS = 256, SAMPLED_TILE = 2048 };

struct sampled_level {
    const uint8_t *sampled; // of this level: an image's begin n_all apart
    int64_t n_images, n, n_all, n_tiles;
    struct loss_scale scale;
};

// head: (N,H,W,A*per_anchor). normalizer: as in struct objectness_loss_args.
static inline struct sampled_level sampled_level_of(const struct tensor *head, int64_t per_anchor,
                                                    const struct tensor *sampled,
                                                    const struct tensor *n_sampled, int64_t offset,
                                                    double normalizer)
{
    struct sampled_level level;
    level.sampled = (const uint8_t *)sampled->data + offset;
    level.n_images = head->shape[0];
    level.n = head->shape[1] * head->shape[2] * head->shape[3] / per_anchor;
    level.n_all = sampled->shape[1];
    level.n_tiles = (level.n + SAMPLED_TILE - 1) / SAMPLED_TILE;
    level.scale = loss_scale_of_count(n_sampled, 1.0);
    if (normalizer > 0.0) {
        level.scale.kind = LOSS_BY_NOTHING;
        level.scale.factor = 1.0 / normalizer;
    }
    return level;
}

#endif
