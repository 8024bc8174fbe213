// Between struct image and cairo: canvases to paint on.
#ifndef TARN_DRAW_SURFACE_H
#define TARN_DRAW_SURFACE_H

#include <cairo.h>

#include "base/status.h"
#include "coco/image.h"

#ifdef __cplusplus
extern "C" {
#endif

struct surface {
    cairo_surface_t *pixels; // CAIRO_FORMAT_RGB24
    cairo_t *cr;
};

// A black canvas. Sides: 1 to 32767 pixels, cairo's limit (ERR_UNSUPPORTED beyond).
enum status surface_create(int width, int height, struct surface *surface) MUST_USE;
enum status surface_from_image(const struct image *image, struct surface *surface) MUST_USE;

// A new image with what was painted; an error when cairo met one while painting.
enum status surface_to_image(const struct surface *surface, struct image *image) MUST_USE;

void surface_free(struct surface *surface);

#ifdef __cplusplus
}
#endif
#endif
