#include "detect/paste_mask.h"

#include <math.h>

#include "base/mem.h"

// Both methods interpolate between neighbours of the map with a rim of one zero around it.
// Visible pixel i of an axis lies between rim.cell[i] and the next one, weight[i] towards the next.
struct axis {
    int begin, end; // visible pixels of the image; begin == end: none
    int *cell;      // of pixel begin + i, ascending
    float *weight;
};

static int clamp_int(int value, int low, int high)
{
    return value < low ? low : value > high ? high : value;
}

// Far outside of any image, yet with room for sums in int.
static int to_int(float value)
{
    const float most = 1 << 28;
    return (int)(value < -most ? -most : value > most ? most : value);
}

static enum status axis_reserve(struct axis *axis, int begin, int end)
{
    axis->begin = begin;
    axis->end = end > begin ? end : begin;
    size_t n = (size_t)(axis->end - axis->begin);
    axis->cell = (int *)mem_alloc(n, sizeof *axis->cell);
    axis->weight = (float *)mem_alloc(n, sizeof *axis->weight);
    return axis->cell && axis->weight ? OK : ERR_MEMORY;
}

static void axis_free(struct axis *axis)
{
    mem_free(axis->cell);
    mem_free(axis->weight);
}

// In torchvision's order of float operations: expand_boxes, then interpolate without aligned
// corners.
static enum status axis_integer(float low, float high, int side, int limit, struct axis *axis)
{
    int rim = side + 2;
    float half = (high - low) * 0.5f * (float)((double)rim / side);
    float centre = (high + low) * 0.5f;
    int first = to_int(centre - half), last = to_int(centre + half);
    int size = last - first + 1 > 1 ? last - first + 1 : 1;
    float scale = (float)rim / (float)size;
    TRY(axis_reserve(axis, clamp_int(first, 0, limit), clamp_int(last + 1, 0, limit)));
    for (int i = axis->begin; i < axis->end; i++) {
        float at = scale * ((float)(i - first) + 0.5f) - 0.5f;
        if (at < 0) at = 0;
        int cell = clamp_int((int)at, 0, rim - 1);
        axis->cell[i - axis->begin] = cell < rim - 1 ? cell : rim - 2;
        axis->weight[i - axis->begin] = cell < rim - 1 ? at - (float)cell : 1.0f;
    }
    return OK;
}

// In the order of grid_sample without aligned corners.
static enum status axis_grid(float low, float high, int side, int limit, struct axis *axis)
{
    float size = high - low, cell_size = size / (float)side;
    if (!(size > 0)) return axis_reserve(axis, 0, 0);
    TRY(axis_reserve(axis, clamp_int(to_int(floorf(low - cell_size)), 0, limit),
                     clamp_int(to_int(ceilf(high + cell_size)), 0, limit)));
    for (int i = axis->begin; i < axis->end; i++) {
        float grid = ((float)i + 0.5f - low) / size * 2.0f - 1.0f;
        float at = ((grid + 1.0f) * (float)side - 1.0f) / 2.0f + 1.0f; // + 1: the rim
        float edge = (float)(side + 1);
        at = at < 0 ? 0 : at > edge ? edge : at;
        int cell = clamp_int((int)at, 0, side);
        axis->cell[i - axis->begin] = cell;
        axis->weight[i - axis->begin] = at - (float)cell;
    }
    return OK;
}

// Run lengths under construction: pixels come column by column.
struct runs {
    struct rle *rle;
    uint32_t open; // length of the run that goes on
    bool is_foreground;
};

static enum status runs_add(struct runs *runs, uint32_t count, bool is_foreground)
{
    if (count == 0) return OK;
    if (is_foreground != runs->is_foreground) {
        TRY(rle_append(runs->rle, runs->open));
        runs->open = 0;
        runs->is_foreground = is_foreground;
    }
    runs->open += count;
    return OK;
}

// Pixels from..to of a column, between two cells of it.
static enum status run_between(struct runs *runs, const struct axis *y, int from, int to,
                               const float ends[2], const struct paste_options *options)
{
    // Interpolation stays between its ends but for rounding.
    static const float margin = 1e-6f;
    float t = options->threshold;
    if (ends[0] > t + margin && ends[1] > t + margin)
        return runs_add(runs, (uint32_t)(to - from), true);
    if (ends[0] < t - margin && ends[1] < t - margin)
        return runs_add(runs, (uint32_t)(to - from), false);
    for (int i = from; i < to; i++) {
        float w = y->weight[i], value = (1.0f - w) * ends[0] + w * ends[1];
        bool is_foreground = options->method == PASTE_GRID ? value >= t : value > t;
        TRY(runs_add(runs, 1, is_foreground));
    }
    return OK;
}

static enum status run_column(struct runs *runs, const struct axis *y, const float *column,
                              const struct paste_options *options)
{
    int n = y->end - y->begin;
    for (int from = 0, to; from < n; from = to) {
        int cell = y->cell[from];
        for (to = from + 1; to < n && y->cell[to] == cell;) to++;
        TRY(run_between(runs, y, from, to, column + cell, options));
    }
    return OK;
}

// The map inside a rim of zeros, its rows being columns of the map: run lengths go down columns.
static float *rimmed(const float *probabilities, int side)
{
    size_t rim = (size_t)side + 2;
    float *map = (float *)mem_alloc(rim * rim, sizeof *map);
    if (!map) return NULL;
    for (size_t y = 0; y < (size_t)side; y++)
        for (size_t x = 0; x < (size_t)side; x++)
            map[(x + 1) * rim + y + 1] = probabilities[y * (size_t)side + x];
    return map;
}

static enum status run_image(const float *map, size_t rim, const struct axis *x,
                             const struct axis *y, const struct paste_options *options, int height,
                             int width, float *column, struct rle *rle)
{
    struct runs runs = {.rle = rle};
    uint32_t above = (uint32_t)y->begin, below = (uint32_t)(height - y->end);
    bool is_visible = x->begin < x->end && y->begin < y->end;
    if (!is_visible) {
        TRY(runs_add(&runs, (uint32_t)height * (uint32_t)width, false));
        return rle_append(rle, runs.open);
    }
    TRY(runs_add(&runs, (uint32_t)height * (uint32_t)x->begin, false));
    for (int i = 0; i < x->end - x->begin; i++) {
        const float *left = map + (size_t)x->cell[i] * rim, *right = left + rim;
        float w = x->weight[i];
        for (size_t k = 0; k < rim; k++) column[k] = (1.0f - w) * left[k] + w * right[k];
        TRY(runs_add(&runs, above, false));
        TRY(run_column(&runs, y, column, options));
        TRY(runs_add(&runs, below, false));
    }
    TRY(runs_add(&runs, (uint32_t)height * (uint32_t)(width - x->end), false));
    return rle_append(rle, runs.open);
}

enum status paste_mask(const float *probabilities, int side, const float box[4],
                       const struct paste_options *options, int height, int width,
                       struct rle *rle)
{
    for (int k = 0; k < 4; k++)
        if (!isfinite(box[k]))
            return fail(ERR_NUMERIC, "a mask's box is (%g, %g, %g, %g)", (double)box[0],
                        (double)box[1], (double)box[2], (double)box[3]);
    TRY(rle_begin(rle, height, width));
    enum status (*make)(float, float, int, int, struct axis *) =
        options->method == PASTE_GRID ? axis_grid : axis_integer;
    struct axis x = {0}, y = {0};
    size_t rim = (size_t)side + 2;
    float *map = rimmed(probabilities, side), *column = (float *)mem_alloc(rim, sizeof *column);
    enum status status = map && column ? OK : ERR_MEMORY;
    if (status != OK) goto done;
    GUARD(make(box[0], box[2], side, width, &x));
    GUARD(make(box[1], box[3], side, height, &y));
    GUARD(run_image(map, rim, &x, &y, options, height, width, column, rle));
done:
    axis_free(&x);
    axis_free(&y);
    mem_free(map);
    mem_free(column);
    return status;
}
