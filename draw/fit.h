// Images of another size, for showing.
#ifndef TARN_DRAW_FIT_H
#define TARN_DRAW_FIT_H

#include "base/status.h"
#include "coco/image.h"

#ifdef __cplusplus
extern "C" {
#endif

// A copy whose longer side is `side` pixels, filtered; enlarged at most by max_enlargement (>= 1).
// ERR_UNSUPPORTED beyond cairo's 32767 pixels.
enum status image_fit(const struct image *image, int side, double max_enlargement,
                      struct image *out) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
