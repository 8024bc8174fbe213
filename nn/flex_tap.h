// Where a value of a resampled grid comes from: bilinear without aligned corners (torch's
// interpolate), the border's values beyond it. Equal sizes: the grid itself. Valid as C17 and CUDA.
#ifndef TARN_NN_FLEX_TAP_H
#define TARN_NN_FLEX_TAP_H

#include "base/both.h"

// value = (1 - weight) grid[first] + weight grid[second]
struct flex_tap {
    int first, second;
    float weight;
};

BOTH_INLINE struct flex_tap flex_tap_at(int i, int n_in, int n_out)
{
    float at = ((float)i + 0.5f) * (float)n_in / (float)n_out - 0.5f;
    struct flex_tap tap;
    if (at < 0.0f) at = 0.0f;
    tap.first = (int)at;
    if (tap.first > n_in - 1) tap.first = n_in - 1;
    tap.second = tap.first < n_in - 1 ? tap.first + 1 : tap.first;
    tap.weight = at - (float)tap.first;
    return tap;
}

#endif
