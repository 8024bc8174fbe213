// Inside of train/metrics*.c: what the charts are drawn from.
#ifndef TARN_TRAIN_METRICS_POINTS_H
#define TARN_TRAIN_METRICS_POINTS_H

#include <stdio.h>

#include "base/file.h"
#include "train/metrics.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { METRICS_NAME_BYTES = 48, METRICS_APS = 3 };

// Points of one chart: y[series] over x.
struct points {
    double *x, *y[DETECTOR_MAX_LOSSES + 1];
    size_t n, capacity;
};

struct metrics {
    char folder[PATH_BYTES], path[PATH_BYTES];
    FILE *log;
    uint64_t n_bytes;
    int n_losses;
    char names[DETECTOR_MAX_LOSSES][METRICS_NAME_BYTES];
    struct points losses; // total, then each loss
    struct points ap;     // AP, AP50, AP75 of boxes, then of masks; of a classifier top-1, top-5
    bool has_masks, is_classification;
};

#ifdef __cplusplus
}
#endif
#endif
