// The bilinear samples of RoIAlign along one axis. Weights of samples are products of a row's and a
// column's, so a bin's mean is a sum over a small window of pixels: a weight for each row of the
// window times a weight for each of its columns.
#ifndef TARN_CPU_ROI_AXIS_H
#define TARN_CPU_ROI_AXIS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Pixels first .. first + n - 1 of the map, with weights from weights[start] on; n may be 0.
struct roi_bin {
    int32_t first, n, start;
};

// An upper limit of the weights of one axis.
size_t roi_axis_capacity(int size, int extent);

// Fills `size` bins of the interval that begins at `begin` on a map of `extent` pixels. Returns the
// samples a bin: sampling_ratio, or ceil(length / size) where that is 0.
int roi_axis_fill(float begin, float length, int size, int sampling_ratio, int extent,
                  struct roi_bin *bins, float *weights);

#ifdef __cplusplus
}
#endif
#endif
