// Parameters, images and targets of the golden cases: the same rules as tools/golden.py.
#ifndef TARN_TESTS_GOLDEN_VALUES_H
#define TARN_TESTS_GOLDEN_VALUES_H

#include "coco/loader.h"
#include "nn/params.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { GOLDEN_CLASSES = 7, GOLDEN_IMAGES = 2 };

struct golden_geometry {
    int sizes[GOLDEN_IMAGES][2]; // stored height, width
    int min_size, max_size;
};
extern const struct golden_geometry golden_large, golden_small; // for inference, for training

// Numbers in [0, 1) that depend on the seed and a name.
void golden_uniform(uint64_t seed, const char *name, size_t n, float *out);

// Sets every parameter and buffer.
enum status golden_set_params(uint64_t seed, struct params *params) MUST_USE;

// Two images resized to different sizes on one canvas, no objects. Release with golden_batch_free.
enum status golden_batch(uint64_t seed, const struct golden_geometry *geometry,
                         struct batch *batch) MUST_USE;

// Adds one image's objects, given in the coordinates of the stored image.
void golden_add_objects(struct batch *batch, int image, int n, const float *boxes,
                        const float *labels);
void golden_batch_free(struct batch *batch);

#ifdef __cplusplus
}
#endif
#endif
