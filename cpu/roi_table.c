#include "cpu/roi_table.h"

#include <assert.h>

#include "nn/roi.h"

static int largest_extent(const struct op_call *call, int axis)
{
    const struct roi_align_args *args = call->args;
    int64_t extent = 0;
    for (int i = 0; i < args->n_levels; i++) {
        int64_t own = call->in[ROI_ALIGN_MAPS + i]->shape[axis];
        extent = own > extent ? own : extent;
    }
    return (int)extent;
}

static struct roi_table table_of(const struct op_call *call)
{
    const struct roi_align_args *args = call->args;
    const struct tensor *y = call->out[0];
    struct roi_table table = {.size = args->size};
    table.n_rois = list_count(call->in[ROI_ALIGN_COUNT], y->shape[0]);
    table.columns_at = roi_axis_capacity(args->size, largest_extent(call, 1));
    table.weights_per_roi =
        table.columns_at + roi_axis_capacity(args->size, largest_extent(call, 2));
    return table;
}

size_t roi_table_bytes(const struct op_call *call)
{
    struct roi_table table = table_of(call);
    size_t n = (size_t)table.n_rois;
    return scratch_round(n * sizeof *table.places) +
           scratch_round(n * 2 * (size_t)table.size * sizeof *table.bins) +
           scratch_round(n * table.weights_per_roi * sizeof *table.weights);
}

static void fill_place(const struct op_call *call, const struct roi_table *table, int64_t i)
{
    const struct roi_align_args *args = call->args;
    const struct tensor *select = call->in[ROI_ALIGN_SELECT];
    int64_t index = select ? ((const int32_t *)select->data)[i] : i;
    assert(index >= 0 && index < call->in[ROI_ALIGN_ROIS]->shape[0]);
    const float *roi = (const float *)call->in[ROI_ALIGN_ROIS]->data + 4 * index;
    struct roi_place *place = &table->places[i];
    place->image = ((const int32_t *)call->in[ROI_ALIGN_IMAGE]->data)[index];
    place->level = roi_level(roi, roi_first_level(args->scales[0]), args->n_levels);
    const int64_t *shape = call->in[ROI_ALIGN_MAPS + place->level]->shape;
    assert(place->image >= 0 && place->image < shape[0]);
    struct roi_bin *bins = table->bins + 2 * i * args->size;
    float *weights = table->weights + (size_t)i * table->weights_per_roi;
    int samples = 1;
    for (int axis = 1; axis >= 0; axis--) { // y, then x
        struct roi_grid grid =
            roi_grid_on_map(roi, axis, args->scales[place->level], args->aligned, args->size,
                            args->sampling_ratio, (int)shape[axis == 1 ? 1 : 2]);
        samples *= roi_axis_fill(&grid, args->size, bins, weights);
        bins += args->size;
        weights += table->columns_at;
    }
    place->n_samples = samples > 1 ? (float)samples : 1.0f;
}

void roi_table_fill(const struct op_call *call, void *memory, struct roi_table *table)
{
    char *scratch = memory;
    *table = table_of(call);
    size_t n = (size_t)table->n_rois;
    table->places = scratch_cut(&scratch, n * sizeof *table->places);
    table->bins = scratch_cut(&scratch, n * 2 * (size_t)table->size * sizeof *table->bins);
    table->weights = scratch_cut(&scratch, n * table->weights_per_roi * sizeof *table->weights);
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < table->n_rois; i++) fill_place(call, table, i);
}
