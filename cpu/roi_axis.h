// The bilinear samples of RoIAlign along one axis. Weights of samples are products of a row's and a
// column's, so a bin's mean is a sum over a small window of pixels: a weight for each row of the
// window times a weight for each of its columns.
#ifndef TARN_CPU_ROI_AXIS_H
#define TARN_CPU_ROI_AXIS_H

#include <stddef.h>
#include <stdint.h>

#include "nn/roi.h"

#ifdef __cplusplus
extern "C" {
#endif

// Pixels first .. first + n - 1 of the map, with weights from weights[start] on; n may be 0.
struct roi_bin {
    int32_t first, n, start;
};

// An upper limit of the weights of one axis.
size_t roi_axis_capacity(int size, int extent);

// Fills the `size` bins of the grid. Returns the samples a bin.
int roi_axis_fill(const struct roi_grid *grid, int size, struct roi_bin *bins, float *weights);

#ifdef __cplusplus
}
#endif
#endif
