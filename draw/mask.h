// Masks on canvases.
#ifndef TARN_DRAW_MASK_H
#define TARN_DRAW_MASK_H

#include "coco/rle.h"
#include "draw/palette.h"
#include "draw/surface.h"

#ifdef __cplusplus
extern "C" {
#endif

// The mask, stretched over the canvas: its inside a third covered with the colour, its border of
// `line` pixels in the full colour.
enum status mask_paint(const struct surface *surface, const struct rle *mask, struct color color,
                       int line) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
