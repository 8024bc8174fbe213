// Where the RoIs of one call of roi_align lie, for its two passes.
#ifndef TARN_CUDA_ROI_ALIGN_H
#define TARN_CUDA_ROI_ALIGN_H

#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "cuda/list.h"
#include "nn/roi.h"

// Inputs of the operation.
enum { ROI_ALIGN_ROIS, ROI_ALIGN_IMAGE, ROI_ALIGN_COUNT, ROI_ALIGN_SELECT, ROI_ALIGN_MAPS };

struct roi_list {
    const float *rois;
    const int32_t *roi_image, *count, *select; // select: NULL, or indices into rois
    int64_t capacity;
    int n_levels, first_level, size, sampling_ratio;
    bool is_aligned;
    float scales[ROI_MAX_LEVELS];
    int heights[ROI_MAX_LEVELS], widths[ROI_MAX_LEVELS];
};

static inline struct roi_list roi_list_of(const struct op_call *call)
{
    const struct roi_align_args *args = (const struct roi_align_args *)call->args;
    const struct tensor *select = call->in[ROI_ALIGN_SELECT];
    struct roi_list list;
    list.rois = (const float *)call->in[ROI_ALIGN_ROIS]->data;
    list.roi_image = (const int32_t *)call->in[ROI_ALIGN_IMAGE]->data;
    list.count = list_count_of(call->in[ROI_ALIGN_COUNT]);
    list.select = select ? (const int32_t *)select->data : NULL;
    list.capacity = call->out[0]->shape[0];
    list.n_levels = args->n_levels;
    list.first_level = roi_first_level(args->scales[0]);
    list.size = args->size;
    list.sampling_ratio = args->sampling_ratio;
    list.is_aligned = args->aligned;
    for (int i = 0; i < ROI_MAX_LEVELS; i++) {
        const struct tensor *map = call->in[ROI_ALIGN_MAPS + (i < args->n_levels ? i : 0)];
        list.scales[i] = args->scales[i];
        list.heights[i] = (int)map->shape[1];
        list.widths[i] = (int)map->shape[2];
    }
    return list;
}

static __device__ inline const float *roi_at(const struct roi_list *list, int64_t i)
{
    return list->rois + 4 * (list->select ? (int64_t)list->select[i] : i);
}

static __device__ inline int32_t roi_image_at(const struct roi_list *list, int64_t i)
{
    return list->roi_image[list->select ? (int64_t)list->select[i] : i];
}

static __device__ inline int roi_level_at(const struct roi_list *list, int64_t i)
{
    return roi_level(roi_at(list, i), list->first_level, list->n_levels);
}

// Axis 0: x, 1: y. Arrays among a kernel's arguments are not indexed by what is not a constant:
// each thread would get a copy of its own.
static __device__ inline struct roi_grid roi_grid_at(const struct roi_list *list, int64_t i,
                                                     int level, int axis)
{
    float scale = 1.0f;
    int extent = 1;
#pragma unroll
    for (int k = 0; k < ROI_MAX_LEVELS; k++) {
        if (k != level) continue;
        scale = list->scales[k];
        extent = axis == 0 ? list->widths[k] : list->heights[k];
    }
    return roi_grid_on_map(roi_at(list, i), axis, scale, list->is_aligned, list->size,
                           list->sampling_ratio, extent);
}

// Queues the backward pass (cuda/roi_align_backward.cu).
enum status roi_align_spread(const struct op_backward_call *backward) MUST_USE;

#endif
