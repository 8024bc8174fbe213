// What training does to images beyond mirroring and resizing. All zeros: nothing.
#ifndef TARN_COCO_AUGMENT_H
#define TARN_COCO_AUGMENT_H

#include "base/rng.h"
#include "coco/color.h"
#include "coco/image_window.h"

#ifdef __cplusplus
extern "C" {
#endif

struct augment {
    double color[N_COLOR]; // strengths (coco/color.h)
    // Large-scale jitter (Ghiasi et al. 2021), in place of the loader's min_sizes: the image is
    // scaled to lsj_min .. lsj_max times the size that fits a square of side lsj_size, cut to that
    // square at a random place and padded to it. 0: off.
    int lsj_size;
    double lsj_min, lsj_max;
    // Probability that an image gets objects of the one before it in the batch (coco/copy_paste.h);
    // needs lsj_size, masks and batches of two.
    double copy_paste;
};

// Random numbers of one image of a training batch: a function of seed, batch and slot. Uses do not
// share numbers.
enum augment_use { AUGMENT_COLOR, AUGMENT_LSJ, AUGMENT_PASTE, AUGMENT_CROP };
void augment_rng(uint64_t seed, int64_t batch, int slot, enum augment_use use, struct rng *rng);

// The part of an image that the square shows; what it leaves of the square is padding.
void augment_window(const struct augment *augment, struct rng *rng, int width, int height,
                    bool flip, struct image_window *window);

#ifdef __cplusplus
}
#endif
#endif
