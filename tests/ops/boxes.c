#include "tests/ops/boxes.h"

#include <math.h>

#include "base/rng.h"

void draw_boxes(float *boxes, int64_t n, float size, float grid, uint32_t key)
{
    struct rng rng;
    rng_start(&rng, 17, RNG_TEST, key);
    for (int64_t i = 0; i < n; i++)
        for (int axis = 0; axis < 2; axis++) {
            float side = floorf(rng_uniform(&rng, 4.0f, size / 2.0f) / grid + 1.0f) * grid;
            float begin = floorf(rng_uniform(&rng, 0.0f, size - side) / grid) * grid;
            boxes[4 * i + axis] = begin;
            boxes[4 * i + axis + 2] = begin + side;
        }
}
