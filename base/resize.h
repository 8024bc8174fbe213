// The arithmetic of images on their way to a network, for each backend: ImageNet's normalisation,
// then bilinear interpolation without aligned corners, in float as torch has it. Valid as C17 and
// CUDA C++.
#ifndef TARN_BASE_RESIZE_H
#define TARN_BASE_RESIZE_H

#include "base/both.h"

// One output coordinate: resize_blend of `first` and `second`.
struct resize_tap {
    int first, second;
    float weight;
};

BOTH_INLINE struct resize_tap resize_tap_at(int i, int n_in, int n_out)
{
    struct resize_tap tap;
    float scale = (float)n_in / (float)n_out, source = scale * ((float)i + 0.5f) - 0.5f;
    if (source < 0.0f) source = 0.0f;
    tap.first = (int)source;
    if (tap.first > n_in - 1) tap.first = n_in - 1;
    tap.second = tap.first < n_in - 1 ? tap.first + 1 : tap.first;
    tap.weight = source - (float)tap.first;
    if (tap.weight > 1.0f) tap.weight = 1.0f;
    return tap;
}

BOTH_INLINE float resize_blend(float first, float second, float weight)
{
    return (1.0f - weight) * first + weight * second;
}

// (value / 255 - mean) / deviation of a channel: 0 red, 1 green, 2 blue.
BOTH_INLINE float resize_normal(int value, int channel)
{
    float mean = channel == 0 ? 0.485f : channel == 1 ? 0.456f : 0.406f;
    float deviation = channel == 0 ? 0.229f : channel == 1 ? 0.224f : 0.225f;
    return ((float)value / 255.0f - mean) / deviation;
}

// How a decoded image (RGB of 8 bits, rows without gaps) comes onto a canvas, as a row of
// integers: the first byte of its pixels (lower and upper half), its size, the size that it is
// resized to, and whether it is mirrored horizontally before.
enum resize_place {
    PLACE_START_LOW,
    PLACE_START_HIGH,
    PLACE_WIDTH,
    PLACE_HEIGHT,
    PLACE_NEW_WIDTH,
    PLACE_NEW_HEIGHT,
    PLACE_FLIP,
    N_PLACE
};

#endif
