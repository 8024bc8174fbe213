#include <string.h>

#include "cpu/roi_align_hot.h"
#include "cpu/roi_table.h"

static struct roi_window window_of(const struct roi_table *table, int64_t roi, size_t n_channels)
{
    const float *weights = table->weights + (size_t)roi * table->weights_per_roi;
    const struct roi_bin *bins = table->bins + 2 * roi * table->size;
    return (struct roi_window){.rows = bins,
                               .columns = bins + table->size,
                               .row_weights = weights,
                               .column_weights = weights + table->columns_at,
                               .size = (size_t)table->size,
                               .n_channels = n_channels,
                               .n_samples = table->places[roi].n_samples};
}

enum status cpu_roi_align_forward(const struct op_call *call)
{
    struct tensor *y = call->out[0];
    struct roi_table table;
    void *scratch = NULL;
    TRY(call->backend->scratch(call->backend, roi_table_bytes(call), &scratch));
    roi_table_fill(call, scratch, &table);
    int64_t roi_floats = y->shape[1] * y->shape[2] * y->shape[3];
#pragma omp parallel for schedule(dynamic, 4)
    for (int64_t i = 0; i < y->shape[0]; i++) {
        float *out = (float *)y->data + i * roi_floats;
        if (i >= table.n_rois) {
            memset(out, 0, (size_t)roi_floats * sizeof *out);
            continue;
        }
        const struct tensor *map = call->in[ROI_ALIGN_MAPS + table.places[i].level];
        int64_t image_floats = map->shape[1] * map->shape[2] * map->shape[3];
        struct roi_window window = window_of(&table, i, (size_t)map->shape[3]);
        ISA_PICK(roi_align_pool)
        (&window, (const float *)map->data + table.places[i].image * image_floats,
         (size_t)map->shape[2], out);
    }
    return OK;
}

// RoIs grouped by level and image, in their order: those of group g are members[starts[g]] up to
// members[starts[g + 1]].
struct groups {
    int64_t n_images, n;
    int32_t *starts, *members;
};

static void group_rois(const struct roi_table *table, struct groups *groups)
{
    memset(groups->starts, 0, (size_t)(groups->n + 2) * sizeof *groups->starts);
    for (int64_t i = 0; i < table->n_rois; i++) {
        const struct roi_place *place = &table->places[i];
        groups->starts[place->level * groups->n_images + place->image + 2]++;
    }
    for (int64_t g = 2; g < groups->n + 2; g++) groups->starts[g] += groups->starts[g - 1];
    // starts[g + 1] is now where group g begins, and moves to its end.
    for (int64_t i = 0; i < table->n_rois; i++) {
        const struct roi_place *place = &table->places[i];
        int64_t group = place->level * groups->n_images + place->image;
        groups->members[groups->starts[group + 1]++] = (int32_t)i;
    }
}

static void row_gradient(const struct tensor *y, const struct roi_table *table,
                         const struct groups *groups, int64_t group, int32_t row, float *gradient)
{
    int64_t roi_floats = y->shape[1] * y->shape[2] * y->shape[3];
    for (int32_t k = groups->starts[group]; k < groups->starts[group + 1]; k++) {
        int32_t roi = groups->members[k];
        struct roi_window window = window_of(table, roi, (size_t)y->shape[3]);
        ISA_PICK(roi_align_spread)
        (&window, (const float *)y->grad + roi * roi_floats, row, gradient);
    }
}

// Each row of a map adds up its RoIs in their order, whichever thread does it.
enum status cpu_roi_align_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    const struct roi_align_args *args = call->args;
    struct groups groups = {.n_images = call->in[ROI_ALIGN_MAPS]->shape[0]};
    groups.n = args->n_levels * groups.n_images;
    size_t table_bytes = roi_table_bytes(call), n_rois = (size_t)call->out[0]->shape[0];
    size_t starts_bytes = scratch_round((size_t)(groups.n + 2) * sizeof *groups.starts);
    void *memory = NULL;
    TRY(call->backend->scratch(
        call->backend, table_bytes + starts_bytes + n_rois * sizeof *groups.members, &memory));
    char *scratch = memory;
    struct roi_table table;
    roi_table_fill(call, scratch_cut(&scratch, table_bytes), &table);
    groups.starts = scratch_cut(&scratch, starts_bytes);
    groups.members = (int32_t *)scratch;
    group_rois(&table, &groups);
    for (int level = 0; level < args->n_levels; level++) {
        if (!backward->want[ROI_ALIGN_MAPS + level]) continue;
        struct tensor *map = call->in[ROI_ALIGN_MAPS + level];
        int64_t height = map->shape[1], row_floats = map->shape[2] * map->shape[3];
        bool is_first = backward->beta[ROI_ALIGN_MAPS + level] == 0.0f;
#pragma omp parallel for schedule(dynamic)
        for (int64_t i = 0; i < groups.n_images * height; i++) {
            float *gradient = (float *)map->grad + i * row_floats;
            if (is_first) memset(gradient, 0, (size_t)row_floats * sizeof *gradient);
            row_gradient(call->out[0], &table, &groups, level * groups.n_images + i / height,
                         (int32_t)(i % height), gradient);
        }
    }
    return OK;
}
