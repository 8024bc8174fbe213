// Where the RoIs of one call of roi_align lie: level, image, and the windows of their bins.
#ifndef TARN_CPU_ROI_TABLE_H
#define TARN_CPU_ROI_TABLE_H

#include "cpu/kernels.h"
#include "cpu/roi_axis.h"
#include "nn/ops_rcnn.h"

#ifdef __cplusplus
extern "C" {
#endif

// Inputs of the operation.
enum { ROI_ALIGN_ROIS, ROI_ALIGN_IMAGE, ROI_ALIGN_COUNT, ROI_ALIGN_SELECT, ROI_ALIGN_MAPS };

struct roi_place {
    int32_t level, image;
    float n_samples; // of a bin, at least 1
};

struct roi_table {
    int64_t n_rois;
    int size;
    struct roi_place *places;
    struct roi_bin *bins; // 2 * size a RoI: rows, columns
    float *weights;       // weights_per_roi each: rows, from columns_at on columns
    size_t weights_per_roi, columns_at;
};

size_t roi_table_bytes(const struct op_call *call);

// Parallel. memory: roi_table_bytes, 64-byte aligned.
void roi_table_fill(const struct op_call *call, void *memory, struct roi_table *table);

#ifdef __cplusplus
}
#endif
#endif
