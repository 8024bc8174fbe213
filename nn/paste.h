// Where a mask head's square map of probabilities comes to lie in its image, in the order of float
// operations of torchvision and Detectron2: every backend must get the same bits. Valid as C17 and
// CUDA C++.
#ifndef TARN_NN_PASTE_H
#define TARN_NN_PASTE_H

#include <math.h>

#include "base/both.h"

enum paste_method {
    // torchvision: the map grows by a rim of zeros, the box with it; its corners are cut to whole
    // pixels and the map is resized to them. Foreground: probability > threshold.
    PASTE_INTEGER,
    // Detectron2: the map is sampled at the pixels' centres, zero around it. Foreground:
    // probability >= threshold.
    PASTE_GRID,
};

// One axis of a box in an image. Both methods interpolate between neighbours of the map with a rim
// of one zero around it.
struct paste_axis {
    enum paste_method method;
    int side;
    int begin, end; // visible pixels; begin == end: none
    int first;      // PASTE_INTEGER: where the rim begins
    float scale, low, size;
};

BOTH_INLINE int paste_clamp(int value, int low, int high)
{
    return value < low ? low : value > high ? high : value;
}

// Far outside of any image, yet with room for sums in int.
BOTH_INLINE int paste_to_int(float value)
{
    const float most = 1 << 28;
    return (int)(value < -most ? -most : value > most ? most : value);
}

// low, high: the box's; limit: the image's side.
BOTH_INLINE struct paste_axis paste_axis_of(float low, float high, int side, int limit,
                                            enum paste_method method)
{
    struct paste_axis axis;
    axis.method = method;
    axis.side = side;
    axis.low = low;
    axis.size = high - low;
    if (method == PASTE_INTEGER) { // expand_boxes, then interpolate without aligned corners
        int rim = side + 2;
        float half = (high - low) * 0.5f * (float)((double)rim / side);
        float centre = (high + low) * 0.5f;
        int first = paste_to_int(centre - half), last = paste_to_int(centre + half);
        int size = last - first + 1 > 1 ? last - first + 1 : 1;
        axis.first = first;
        axis.scale = (float)rim / (float)size;
        axis.begin = paste_clamp(first, 0, limit);
        axis.end = paste_clamp(last + 1, 0, limit);
    } else {
        float cell = axis.size / (float)side;
        axis.first = 0;
        axis.scale = 0.0f;
        axis.begin = axis.end = 0;
        if (axis.size > 0) {
            axis.begin = paste_clamp(paste_to_int(floorf(low - cell)), 0, limit);
            axis.end = paste_clamp(paste_to_int(ceilf(high + cell)), 0, limit);
        }
    }
    if (axis.end < axis.begin) axis.end = axis.begin;
    return axis;
}

// Visible pixel i lies between this cell of the map with its rim and the next one, *weight towards
// the next. Cells ascend with i.
BOTH_INLINE int paste_cell(const struct paste_axis *axis, int i, float *weight)
{
    if (axis->method == PASTE_INTEGER) {
        int rim = axis->side + 2;
        float at = axis->scale * ((float)(i - axis->first) + 0.5f) - 0.5f;
        if (at < 0) at = 0;
        int cell = paste_clamp((int)at, 0, rim - 1);
        *weight = cell < rim - 1 ? at - (float)cell : 1.0f;
        return cell < rim - 1 ? cell : rim - 2;
    }
    // In the order of grid_sample without aligned corners; + 1: the rim.
    float grid = ((float)i + 0.5f - axis->low) / axis->size * 2.0f - 1.0f;
    float at = ((grid + 1.0f) * (float)axis->side - 1.0f) / 2.0f + 1.0f;
    float edge = (float)(axis->side + 1);
    at = at < 0 ? 0 : at > edge ? edge : at;
    int cell = paste_clamp((int)at, 0, axis->side);
    *weight = at - (float)cell;
    return cell;
}

BOTH_INLINE float paste_blend(float first, float second, float weight)
{
    return (1.0f - weight) * first + weight * second;
}

BOTH_INLINE int paste_is_foreground(float value, float threshold, enum paste_method method)
{
    return method == PASTE_GRID ? value >= threshold : value > threshold;
}

// The map's value at a cell with its rim.
BOTH_INLINE float paste_value(const float *probabilities, int side, int row, int column)
{
    if (row < 1 || row > side || column < 1 || column > side) return 0.0f;
    return probabilities[(row - 1) * side + column - 1];
}

// Whether pixel (column, row) of the image is foreground.
BOTH_INLINE int paste_pixel(const float *probabilities, const struct paste_axis *x,
                            const struct paste_axis *y, int column, int row, float threshold)
{
    float right, down;
    if (column < x->begin || column >= x->end || row < y->begin || row >= y->end) return 0;
    int cell_x = paste_cell(x, column, &right), cell_y = paste_cell(y, row, &down);
    float above = paste_blend(paste_value(probabilities, x->side, cell_y, cell_x),
                              paste_value(probabilities, x->side, cell_y, cell_x + 1), right);
    float below = paste_blend(paste_value(probabilities, x->side, cell_y + 1, cell_x),
                              paste_value(probabilities, x->side, cell_y + 1, cell_x + 1), right);
    return paste_is_foreground(paste_blend(above, below, down), threshold, x->method);
}

// What paste_masks is told of a mask, as a row of integers: its map among the probabilities, its
// image's size, and its first word among the results (lower and upper half).
enum paste_place {
    PASTE_MAP,
    PASTE_HEIGHT,
    PASTE_WIDTH,
    PASTE_WORD_LOW,
    PASTE_WORD_HIGH,
    N_PASTE
};

#endif
