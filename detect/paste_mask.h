// A mask head's map of probabilities, put into its place in the image as run lengths.
#ifndef TARN_DETECT_PASTE_MASK_H
#define TARN_DETECT_PASTE_MASK_H

#include "coco/rle.h"
#include "nn/paste.h"

#ifdef __cplusplus
extern "C" {
#endif

struct paste_options {
    enum paste_method method;
    float threshold; // 0.5; above 0 and below 1
};

// probabilities: side x side; box: x1 y1 x2 y2 in the coordinates of the image. No image-sized map
// is ever made. rle is reused (coco/rle.h). A box without area gives an empty mask with PASTE_GRID.
// ERR_DATA: rle_check_size; ERR_NUMERIC: a box that is not finite.
enum status paste_mask(const float *probabilities, int side, const float box[4],
                       const struct paste_options *options, int height, int width,
                       struct rle *rle) MUST_USE;

// ERR_NUMERIC: a box that is not finite.
enum status paste_check_box(const float box[4]) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
