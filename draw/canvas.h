// Detections drawn onto a copy of their image: a frame in the class's colour and a filled tag
// "name 0.87". Sizes follow the image's, so that pictures of any size read alike.
#ifndef TARN_DRAW_CANVAS_H
#define TARN_DRAW_CANVAS_H

#include <stddef.h>

#include "base/status.h"
#include "coco/image.h"
#include "coco/rle.h"
#include "draw/palette.h"

#ifdef __cplusplus
extern "C" {
#endif

struct canvas_object {
    double box[4];    // x1 y1 x2 y2, pixels of the image
    double score;     // NaN: the tag shows the name alone
    int class_index;  // chooses the colour
    const char *name; // UTF-8, borrowed; NULL: the tag shows the score alone
};

// *out: a new image of the same size. The highest scores lie on top. Objects whose box is not
// finite, reversed or outside the image are left out. Tags stay inside the image, avoid each other
// where they can, and shorten names that are wider than the image. Where all of them would cover a
// fifth of the image, small objects have none.
enum status canvas_draw(const struct image *image, const struct canvas_object *objects, size_t n,
                        struct image *out) MUST_USE;

// How one object differs from the way that canvas_draw shows it.
struct canvas_style {
    struct color color;     // in place of the class's
    bool is_dashed;         // the frame
    const struct rle *mask; // painted inside in the colour, stretched over the image; may be NULL
};

// The same with a style for each object (n), or NULL.
enum status canvas_draw_styled(const struct image *image, const struct canvas_object *objects,
                               const struct canvas_style *styles, size_t n,
                               struct image *out) MUST_USE;

// By the path's extension: .jpg and .jpeg (quality 92), .png; ERR_USAGE for others.
enum status canvas_save(const char *path, const struct image *image) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
