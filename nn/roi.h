// Geometry of regions of interest that every backend computes alike. Valid as C17 and CUDA C++.
#ifndef TARN_NN_ROI_H
#define TARN_NN_ROI_H

#include <math.h>
#include <stdbool.h>

#include "nn/box_coder.h"

// Exponent of the first level's stride: scale 1/4 is level 2.
BOTH_INLINE int roi_first_level(float first_scale)
{
    return (int)lroundf(-log2f(first_scale));
}

// The pyramid level of a RoI counted from `first` (Lin et al. 2017, eq. 1, with torchvision's
// margin); a RoI without a proper area goes to the first.
BOTH_INLINE int roi_level(const float roi[4], int first, int n_levels)
{
    float area = (roi[2] - roi[0]) * (roi[3] - roi[1]);
    float level = floorf(4.0f + log2f(sqrtf(area) / 224.0f) + 1e-6f);
    if (!(level > (float)first)) return 0;
    return level < (float)(first + n_levels) ? (int)level - first : n_levels - 1;
}

// A RoI larger than any image; a box that is not finite must not make a loop endless.
#define ROI_MAX_SAMPLES (1 << 16)

// The samples of RoIAlign along one axis: n_samples in each of the bins that follow each other from
// `begin` on, on a map of `extent` pixels.
struct roi_grid {
    float begin, bin;
    int n_samples, extent;
};

// sampling_ratio 0: as many samples as a bin has pixels, rounded up.
BOTH_INLINE struct roi_grid roi_grid_of(float begin, float length, int size, int sampling_ratio,
                                        int extent)
{
    struct roi_grid grid;
    grid.begin = begin;
    grid.bin = length / (float)size;
    grid.extent = extent;
    grid.n_samples = sampling_ratio;
    if (sampling_ratio > 0) return grid;
    float n = ceilf(grid.bin);
    grid.n_samples = !(n > 0.0f) ? 0 : n < (float)ROI_MAX_SAMPLES ? (int)n : ROI_MAX_SAMPLES;
    return grid;
}

// Sample i of a bin: 1 - *share of pixel *low and *share of the next. false: it lies outside.
// torchvision's roi_align, its order of operations in float.
BOTH_INLINE bool roi_grid_sample(const struct roi_grid *grid, int bin, int i, int *low,
                                 float *share)
{
    float at = grid->begin + (float)bin * grid->bin +
               ((float)i + 0.5f) * grid->bin / (float)grid->n_samples;
    if (!(at >= -1.0f && at <= (float)grid->extent)) return false;
    if (at <= 0.0f) at = 0.0f;
    *low = (int)at;
    *share = at - (float)*low;
    if (*low >= grid->extent - 1) {
        *low = grid->extent - 1;
        *share = 0.0f;
    }
    return true;
}

// The axis of a RoI (0: x, 1: y) on a map of a pyramid; aligned as in struct roi_align_args.
BOTH_INLINE struct roi_grid roi_grid_on_map(const float roi[4], int axis, float scale, bool aligned,
                                            int size, int sampling_ratio, int extent)
{
    float offset = aligned ? 0.5f : 0.0f, begin = roi[axis] * scale - offset;
    float length = roi[axis + 2] * scale - offset - begin;
    if (!aligned && !(length > 1.0f)) length = 1.0f;
    return roi_grid_of(begin, length, size, sampling_ratio, extent);
}

#endif
