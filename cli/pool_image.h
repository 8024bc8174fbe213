// Pooling layers applied to pictures: windows of k x k that tile the image, no padding.
#ifndef TARN_CLI_POOL_IMAGE_H
#define TARN_CLI_POOL_IMAGE_H

#include "cli/pool_choice.h"
#include "coco/float_image.h"
#include "nn/tape.h"

#ifdef __cplusplus
extern "C" {
#endif

// Trainable parameters have their initial values. draws: random pools draw, as in training (tape
// seed and step); otherwise they do what they do in evaluation. The result has 1/k of the image's
// sides, which must be multiples of k. ERR_USAGE where the pool refuses the window.
enum status pool_image(const struct pool_choice *choice, struct tape *tape,
                       const struct float_image *image, int k, bool draws,
                       struct float_image *out) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
