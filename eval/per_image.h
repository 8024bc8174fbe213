// The best detections of each image over all its categories.
#ifndef TARN_EVAL_PER_IMAGE_H
#define TARN_EVAL_PER_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

// is_kept[i]: whether detection i is among the `limit` of its image with the highest scores (ties
// in file order). images[i] < n_images.
enum status per_image_keep(const uint32_t *images, const double *scores, size_t n, size_t n_images,
                           size_t limit, bool *is_kept) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
