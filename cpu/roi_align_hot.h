// The loops of RoIAlign over channels, forward for one RoI, backward for one row of a map.
#ifndef TARN_CPU_ROI_ALIGN_HOT_H
#define TARN_CPU_ROI_ALIGN_HOT_H

#include "cpu/isa.h"
#include "cpu/roi_axis.h"
#include "nn/ops_rcnn.h"

#ifdef __cplusplus
extern "C" {
#endif

struct roi_window {
    const struct roi_bin *rows, *columns; // size each
    const float *row_weights, *column_weights;
    size_t size, n_channels;
    float n_samples;
};

// y (size, size, channels) = weighted sums of the map (height, width, channels) / n_samples.
ISA_DECLARE(void, roi_align_pool,
            (const struct roi_window *window, const float *map, size_t width, float *y));

// Adds to row number `row` of the map's gradient what it receives from dy (size, size, channels).
ISA_DECLARE(void, roi_align_spread,
            (const struct roi_window *window, const float *dy, int32_t row, float *gradient));

#ifdef __cplusplus
}
#endif
#endif
