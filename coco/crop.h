// Which part of an image a classifier sees: torchvision's RandomResizedCrop in training, Resize and
// CenterCrop in evaluation.
#ifndef TARN_COCO_CROP_H
#define TARN_COCO_CROP_H

#include "base/rng.h"
#include "coco/image.h"

#ifdef __cplusplus
extern "C" {
#endif

struct crop_config {
    int size;                    // side of the square that the network sees; 0: whole images
    int resize;                  // evaluation: the short side before the centre is cut; >= size
    double scale_min, scale_max; // training: part of the area that is taken, 0.08 to 1
    double ratio;                // training: width / height is in 1 / ratio to ratio, 4/3
    int cut;                     // training: side of a square that is taken instead; 0: off
    // The object's box is the image (coco_crops), grown on each side by this part of its own sides.
    bool is_boxed;
    double margin;
};

// A rectangle of pixels, not empty.
struct crop {
    int left, top, width, height;
};

// The box x1 y1 x2 y2 with its margin, in whole pixels of an image that is this large.
void crop_of_box(const float box[4], double margin, int image_width, int image_height,
                 struct crop *crop);

// Training: a part of `from`, as torchvision draws it: ten times an area and a ratio of its sides
// (uniform in its logarithm), the first that fits at a random place; if none does, the largest
// centred part of an allowed ratio. With config->cut a square of that side, or the largest that
// fits, at a random place.
void crop_draw(const struct crop_config *config, const struct crop *from, struct rng *rng,
               struct crop *crop);

// The largest of 1, 2, 4 and 8 by which both sides can be divided without falling below `size`.
int crop_reduction(const struct crop *crop, int size);

// Cuts `crop` out, resizes it to size x size (as Pillow's BILINEAR) and mirrors it. ERR_MEMORY.
enum status crop_resized(const struct image *image, const struct crop *crop, int size, bool flip,
                         struct image *out) MUST_USE;

// Evaluation: `from` resized so that its short side is config->resize, of that the centre.
enum status crop_center(const struct crop_config *config, const struct image *image,
                        const struct crop *from, struct image *out) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
