// A part of a resized image, without making the whole of it.
#ifndef TARN_COCO_IMAGE_WINDOW_H
#define TARN_COCO_IMAGE_WINDOW_H

#include "coco/image.h"

#ifdef __cplusplus
extern "C" {
#endif

// The image is mirrored horizontally (flip), resized to new_width x new_height, and of that the
// rectangle width x height from (left, top) on is taken, which lies inside.
struct image_window {
    bool flip;
    int new_width, new_height;
    int left, top, width, height;
};

// Bilinear with antialiasing where the image shrinks: a triangle as wide as the source pixels of
// one new pixel, columns before rows, 8 bits between, equal to Pillow's BILINEAR. Both images are
// allocated for the time of the call. ERR_MEMORY only.
enum status image_window_cut(const struct image *image, const struct image_window *window,
                             struct image *out) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
