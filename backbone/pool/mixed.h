// Mixed max-average pooling (Lee, Gallagher, Tu, AISTATS 2016):
//     y = alpha max_i a_i + (1 - alpha) (1/n) sum_i a_i.
// The gradient of the maximum goes to the first one in row-major order.
#ifndef TARN_BACKBONE_POOL_MIXED_H
#define TARN_BACKBONE_POOL_MIXED_H

#include <stdbool.h>

#include "backbone/pool/avg.h"
#include "backbone/pool/max.h"

struct mixed_args {
    double alpha; // where it is learned, its first value
    bool learn_alpha;
    int scope; // enum pool_scope
};

struct mixed_parts {
    lanes maximum, place; // the maximum's element
    lanes mean;
};

POOL_INLINE struct mixed_parts mixed_parts_of(const lanes *a, int n, int cols)
{
    struct mixed_parts parts;
    parts.maximum = max_find(a, n, &parts.place);
    parts.mean = avg_sum(a, n, cols) / (float)n;
    return parts;
}

POOL_INLINE lanes mixed_value(const struct mixed_parts *parts, lanes alpha)
{
    return alpha * parts->maximum + (lane_all(1.0f) - alpha) * parts->mean;
}

// da_i where nothing else depends on a_i.
POOL_INLINE lanes mixed_slope(const struct mixed_parts *parts, lanes alpha, int i, int n)
{
    lane_mask is_maximum = lane_equal(parts->place, lane_all((float)i));
    return lane_select(is_maximum, alpha, lane_all(0.0f)) + (lane_all(1.0f) - alpha) / (float)n;
}

#endif
