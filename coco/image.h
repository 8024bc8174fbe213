// Decoded images: 8-bit RGB, rows from the top, no row padding.
#ifndef TARN_COCO_IMAGE_H
#define TARN_COCO_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct image {
    int width, height;
    uint8_t *rgb; // height * width * 3, mem_alloc
};

void image_free(struct image *image);

enum exif_mode {
    EXIF_IGNORE, // pixels as stored (torchvision's and pycocotools' view); warned about once
    EXIF_APPLY,  // turned and mirrored as the tag says
};

// JPEG (grey, YCbCr, RGB, CMYK, YCCK) and PNG (any kind; alpha is dropped, of 16 bits the upper 8
// are kept), by content, not by name. CMYK values are taken as inverted, as Adobe writes them and
// as all browsers and Pillow read them. *orientation (may be NULL) gets the EXIF tag, 1 when
// absent. Errors name the file: truncated or corrupt, not an image, absurd size (> 2^28 pixels).
enum status image_load(const char *path, enum exif_mode exif, struct image *image,
                       int *orientation) MUST_USE;

// The same from memory; `name` is for messages.
enum status image_decode(const void *bytes, size_t n_bytes, const char *name, enum exif_mode exif,
                         struct image *image, int *orientation) MUST_USE;

// Width and height that image_decode would give, from the file's head. ERR_DATA as there.
enum status image_measure(const void *bytes, size_t n_bytes, const char *name, enum exif_mode exif,
                          int *width, int *height) MUST_USE;

// image_decode with both sides divided by `reduction` (1, 2, 4 or 8), rounded up, where the format
// has a cheap way: a JPEG's blocks are transformed to fewer pixels. Others come in full size.
enum status image_decode_reduced(const void *bytes, size_t n_bytes, const char *name,
                                 enum exif_mode exif, int reduction, struct image *image,
                                 int *orientation) MUST_USE;

// What a file stores, without decoding it; as RGB when nothing else can be told.
enum image_colors { IMAGE_RGB, IMAGE_GREY, IMAGE_CMYK, IMAGE_ALPHA };
enum image_colors image_colors_of(const void *bytes, size_t n_bytes);

// quality 1..100; 4:4:4 from 90 upwards, else 4:2:0. Written atomically.
enum status image_save_jpeg(const char *path, const struct image *image, int quality) MUST_USE;
// The same into memory: *bytes is mem_alloc.
enum status image_encode_jpeg(const struct image *image, int quality, uint8_t **bytes,
                              size_t *n_bytes) MUST_USE;
enum status image_save_png(const char *path, const struct image *image) MUST_USE;

// torchvision's size rule (GeneralizedRCNNTransform, eager): scale = min(min_size / short side,
// max_size / long side) in double, each side truncated; at least 1.
void resize_target(int width, int height, int min_size, int max_size, int *new_width,
                   int *new_height);

// normalised[value][c] = (value / 255 - mean[c]) / std[c], ImageNet's; the fourth is 0.
void image_normalisation(float normalised[256][4]);

// Normalise, then bilinear resize (align_corners = false, no
// antialias, scale recomputed from integer sizes as float), into the top left of an NHWC canvas
// (canvas_height, canvas_width, 3) whose rest is zeroed. flip: mirrored horizontally before
// resizing. The canvas must hold the new size. ERR_MEMORY only.
enum status image_to_canvas(const struct image *image, bool flip, int new_width, int new_height,
                            float *canvas, int canvas_width, int canvas_height) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
