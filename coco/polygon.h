// Polygons to run-length masks, pixel for pixel as COCO's tools rasterise them: on a grid five
// times finer, whose boundary points are then sampled at pixel centres.
#ifndef TARN_COCO_POLYGON_H
#define TARN_COCO_POLYGON_H

#include "coco/rle.h"

#ifdef __cplusplus
extern "C" {
#endif

// Working memory that calls share; start from a zeroed struct, end with polygon_free.
struct polygon_scratch {
    uint32_t *crossings, *other; // other: of the same contents while they are sorted
    size_t n, capacity, other_capacity;
};

void polygon_free(struct polygon_scratch *scratch);

// One ring: n_points pairs x, y; closed by itself. Fewer than three points, or points in a line,
// give an empty mask. What lies outside the image is cut off. ERR_DATA for numbers that are not
// finite or beyond 4e8, for sizes that rle_check_size refuses, and for a ring whose edges pass more
// than 2^26 pixel columns in all.
enum status polygon_to_rle(const double *points, size_t n_points, int64_t height, int64_t width,
                           struct polygon_scratch *scratch, struct rle *rle) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
