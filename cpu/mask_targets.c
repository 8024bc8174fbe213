#include <assert.h>
#include <omp.h>
#include <string.h>

#include "cpu/kernels.h"
#include "cpu/roi_axis.h"

enum {
    IN_MASKS,
    IN_FRAMES,
    IN_STARTS,
    IN_SIZES,
    IN_ROIS,
    IN_IMAGE,
    IN_MATCHED,
    IN_POSITIVES,
    IN_N_POSITIVE
};

// An object's mask: what lies outside its frame is 0.
struct mask {
    const uint8_t *pixels;
    int x, y, width, height;   // the frame
    int map_width, map_height; // the image
};

static struct mask mask_of(const struct op_call *call, int64_t roi)
{
    const struct mask_targets_args *args = call->args;
    int32_t image = ((const int32_t *)call->in[IN_IMAGE]->data)[roi];
    int32_t match = ((const int32_t *)call->in[IN_MATCHED]->data)[roi];
    assert(match >= 0 && match < args->max_objects);
    int64_t object = (int64_t)image * args->max_objects + match;
    const int32_t *frame = (const int32_t *)call->in[IN_FRAMES]->data + 4 * object;
    const uint32_t *start = (const uint32_t *)call->in[IN_STARTS]->data + 2 * object;
    const float *size = (const float *)call->in[IN_SIZES]->data + 2 * (int64_t)image;
    uint64_t at = (uint64_t)start[1] << 32 | start[0];
    assert(frame[2] >= 0 && frame[3] >= 0 &&
           at + (uint64_t)frame[2] * (uint64_t)frame[3] <= tensor_count(call->in[IN_MASKS]));
    return (struct mask){.pixels = (const uint8_t *)call->in[IN_MASKS]->data + at,
                         .x = frame[0],
                         .y = frame[1],
                         .width = frame[2],
                         .height = frame[3],
                         .map_width = (int)size[1],
                         .map_height = (int)size[0]};
}

// Room of one thread.
struct room {
    struct roi_bin *rows, *columns; // size each
    float *row_weights, *column_weights;
    float *line; // the frame's width: a row of bins before it is cut into columns
};

static size_t room_bytes(int size, int height, int width)
{
    return 2 * scratch_round((size_t)size * sizeof(struct roi_bin)) +
           scratch_round(roi_axis_capacity(size, height) * sizeof(float)) +
           scratch_round(roi_axis_capacity(size, width) * sizeof(float)) +
           scratch_round((size_t)width * sizeof(float));
}

static struct room room_cut(char *scratch, int size, int height, int width)
{
    struct room room;
    room.rows = scratch_cut(&scratch, (size_t)size * sizeof *room.rows);
    room.columns = scratch_cut(&scratch, (size_t)size * sizeof *room.columns);
    room.row_weights = scratch_cut(&scratch, roi_axis_capacity(size, height) * sizeof(float));
    room.column_weights = scratch_cut(&scratch, roi_axis_capacity(size, width) * sizeof(float));
    room.line = scratch_cut(&scratch, (size_t)width * sizeof(float));
    return room;
}

// line[x] = weighted sum of the bin's rows, for the image's columns [begin, end) inside the frame.
static void sum_rows(const struct mask *mask, const struct roi_bin *bin, const float *weights,
                     int begin, int end, float *line)
{
    memset(line + begin, 0, (size_t)(end - begin) * sizeof *line);
    for (int i = 0; i < bin->n; i++) {
        int row = bin->first + i - mask->y;
        if (row < 0 || row >= mask->height) continue;
        const uint8_t *pixels = mask->pixels + (ptrdiff_t)row * mask->width - mask->x;
        float weight = weights[bin->start + i];
        for (int x = begin; x < end; x++) line[x] += weight * (float)pixels[x];
    }
}

static void target_of(const struct mask *mask, const float *roi, int size, struct room *room,
                      float *target)
{
    struct roi_grid y_grid = roi_grid_on_map(roi, 1, 1.0f, false, size, 0, mask->map_height);
    struct roi_grid x_grid = roi_grid_on_map(roi, 0, 1.0f, false, size, 0, mask->map_width);
    int n_rows = roi_axis_fill(&y_grid, size, room->rows, room->row_weights);
    int n_columns = roi_axis_fill(&x_grid, size, room->columns, room->column_weights);
    float n_samples = n_rows * n_columns > 1 ? (float)(n_rows * n_columns) : 1.0f;
    int begin = mask->x > 0 ? mask->x : 0, end = mask->x + mask->width;
    if (end > mask->map_width) end = mask->map_width;
    if (end < begin) end = begin;
    for (int y = 0; y < size; y++) {
        sum_rows(mask, &room->rows[y], room->row_weights, begin, end, room->line);
        for (int x = 0; x < size; x++) {
            const struct roi_bin *column = &room->columns[x];
            float sum = 0.0f;
            for (int j = 0; j < column->n; j++) {
                int at = column->first + j;
                if (at >= begin && at < end)
                    sum += room->column_weights[column->start + j] * room->line[at];
            }
            target[y * size + x] = sum / n_samples;
        }
    }
}

// The largest image of the batch.
static void largest_size(const struct tensor *sizes, int *height, int *width)
{
    const float *size = sizes->data;
    *height = *width = 1;
    for (int64_t i = 0; i < sizes->shape[0]; i++) {
        if ((int)size[2 * i] > *height) *height = (int)size[2 * i];
        if ((int)size[2 * i + 1] > *width) *width = (int)size[2 * i + 1];
    }
}

enum status cpu_mask_targets_forward(const struct op_call *call)
{
    const struct mask_targets_args *args = call->args;
    struct tensor *targets = call->out[0];
    const int32_t *positives = call->in[IN_POSITIVES]->data;
    int64_t n = list_count(call->in[IN_N_POSITIVE], targets->shape[0]);
    int height, width, n_threads = omp_get_max_threads();
    largest_size(call->in[IN_SIZES], &height, &width);
    size_t bytes = room_bytes(args->size, height, width);
    void *scratch = NULL;
    TRY(call->backend->scratch(call->backend, (size_t)n_threads * bytes, &scratch));
#pragma omp parallel for schedule(dynamic) num_threads(n_threads)
    for (int64_t i = 0; i < n; i++) {
        struct room room = room_cut((char *)scratch + (size_t)omp_get_thread_num() * bytes,
                                    args->size, height, width);
        struct mask mask = mask_of(call, positives[i]);
        target_of(&mask, (const float *)call->in[IN_ROIS]->data + 4 * (int64_t)positives[i],
                  args->size, &room, (float *)targets->data + i * (int64_t)args->size * args->size);
    }
    list_zero_beyond(targets, targets->data, n);
    return OK;
}
