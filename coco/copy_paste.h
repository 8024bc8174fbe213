// Simple copy-paste (Ghiasi et al. 2021): objects of one image on top of another of the same size.
// Private to the loader.
#ifndef TARN_COCO_COPY_PASTE_H
#define TARN_COCO_COPY_PASTE_H

#include "coco/collate_objects.h"

#ifdef __cplusplus
extern "C" {
#endif

// n draws among the source's n objects with replacement choose what is pasted, as torchvision's
// references have it: 63% of many. Own objects lose what is covered: their boxes become those of
// what is left, and what has nothing left goes. Pasted objects come last.
// All lies within width x height. alpha: (height, width) mem_alloc bytes, 1 where something was
// pasted; NULL when nothing was, and then `result` is empty and own objects stand.
enum status copy_paste_objects(const struct collate_objects *own,
                               const struct collate_objects *source, int width, int height,
                               struct rng *rng, struct collate_objects *result,
                               uint8_t **alpha) MUST_USE;

// Puts the source's pixels, normalised as image_to_canvas does, onto a canvas of canvas_width:
// canvas + (source - canvas) * blurred alpha. What the source lacks of width x height is padding.
// The blur is a Gaussian of 5 x 5 pixels, deviation 2, as torchvision's: no sharp edge shall give
// pasted objects away. ERR_MEMORY only.
enum status copy_paste_pixels(const uint8_t *alpha, int width, int height,
                              const struct image *source, float *canvas,
                              int canvas_width) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
