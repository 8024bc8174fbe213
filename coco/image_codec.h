// The decoders behind coco/image.h: private to coco/image*.c.
#ifndef TARN_COCO_IMAGE_CODEC_H
#define TARN_COCO_IMAGE_CODEC_H

#include "coco/image.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { IMAGE_MAX_PIXELS = 1 << 28 };

// Allocates *image; errors name the file.
enum status image_allocate(const char *name, int64_t width, int64_t height,
                           struct image *image) MUST_USE;

bool jpeg_is(const uint8_t *bytes, size_t n_bytes);
enum status jpeg_measure(const uint8_t *bytes, size_t n_bytes, const char *name, int *width,
                         int *height) MUST_USE;
enum status jpeg_decode(const uint8_t *bytes, size_t n_bytes, const char *name, int reduction,
                        struct image *image) MUST_USE;

enum image_colors jpeg_colors(const uint8_t *bytes, size_t n_bytes);

bool png_is(const uint8_t *bytes, size_t n_bytes);
enum status png_measure(const uint8_t *bytes, size_t n_bytes, const char *name, int *width,
                        int *height) MUST_USE;
enum status png_decode(const uint8_t *bytes, size_t n_bytes, const char *name,
                       struct image *image) MUST_USE;

// The orientation tag of a JPEG or PNG file: 1..8; 1 when absent or not readable.
int exif_orientation(const uint8_t *bytes, size_t n_bytes);

// Turns and mirrors so that the image stands upright. ERR_MEMORY only; the image then stays as
// it was.
enum status exif_apply(int orientation, struct image *image) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
