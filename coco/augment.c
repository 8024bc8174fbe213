#include "coco/augment.h"

#include <math.h>

// Elements below 2^32 belong to the flips and sizes of coco/collate.c.
void augment_rng(uint64_t seed, int64_t batch, int slot, enum augment_use use, struct rng *rng)
{
    rng_start(rng, seed, RNG_AUGMENT, (uint32_t)batch);
    rng->element = (uint64_t)(slot + 1) << 32 | (uint64_t)use << 24;
}

void augment_window(const struct augment *augment, struct rng *rng, int width, int height,
                    bool flip, struct image_window *window)
{
    double u = rng_double(rng), place = rng_double(rng);
    double jitter = augment->lsj_min + u * (augment->lsj_max - augment->lsj_min);
    double scale = fmin((double)augment->lsj_size / width, (double)augment->lsj_size / height);
    int new_width = (int)(width * scale * jitter), new_height = (int)(height * scale * jitter);
    *window = (struct image_window){.flip = flip,
                                    .new_width = new_width > 1 ? new_width : 1,
                                    .new_height = new_height > 1 ? new_height : 1};
    int over_width = window->new_width - augment->lsj_size;
    int over_height = window->new_height - augment->lsj_size;
    window->left = over_width > 0 ? (int)(over_width * place) : 0;
    window->top = over_height > 0 ? (int)(over_height * place) : 0;
    window->width = over_width > 0 ? augment->lsj_size : window->new_width;
    window->height = over_height > 0 ? augment->lsj_size : window->new_height;
}
