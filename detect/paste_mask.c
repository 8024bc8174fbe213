#include "detect/paste_mask.h"

#include <math.h>

#include "base/mem.h"

// Visible pixel begin + i of an axis lies between map cell[i] and the next one (nn/paste.h).
struct axis {
    int begin, end; // visible pixels of the image; begin == end: none
    int *cell;      // ascending
    float *weight;
};

static enum status axis_make(float low, float high, int side, int limit, enum paste_method method,
                             struct axis *axis)
{
    const struct paste_axis place = paste_axis_of(low, high, side, limit, method);
    size_t n = (size_t)(place.end - place.begin);
    axis->begin = place.begin;
    axis->end = place.end;
    axis->cell = (int *)mem_alloc(n, sizeof *axis->cell);
    axis->weight = (float *)mem_alloc(n, sizeof *axis->weight);
    if (!axis->cell || !axis->weight) return ERR_MEMORY;
    for (size_t i = 0; i < n; i++)
        axis->cell[i] = paste_cell(&place, place.begin + (int)i, &axis->weight[i]);
    return OK;
}

static void axis_free(struct axis *axis)
{
    mem_free(axis->cell);
    mem_free(axis->weight);
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
        float value = paste_blend(ends[0], ends[1], y->weight[i]);
        TRY(runs_add(runs, 1, paste_is_foreground(value, t, options->method)));
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
        for (size_t k = 0; k < rim; k++)
            column[k] = paste_blend(left[k], right[k], x->weight[i]);
        TRY(runs_add(&runs, above, false));
        TRY(run_column(&runs, y, column, options));
        TRY(runs_add(&runs, below, false));
    }
    TRY(runs_add(&runs, (uint32_t)height * (uint32_t)(width - x->end), false));
    return rle_append(rle, runs.open);
}

enum status paste_check_box(const float box[4])
{
    for (int k = 0; k < 4; k++)
        if (!isfinite(box[k]))
            return fail(ERR_NUMERIC, "a mask's box is (%g, %g, %g, %g)", (double)box[0],
                        (double)box[1], (double)box[2], (double)box[3]);
    return OK;
}

enum status paste_mask(const float *probabilities, int side, const float box[4],
                       const struct paste_options *options, int height, int width,
                       struct rle *rle)
{
    TRY(paste_check_box(box));
    TRY(rle_begin(rle, height, width));
    struct axis x = {0}, y = {0};
    size_t rim = (size_t)side + 2;
    float *map = rimmed(probabilities, side), *column = (float *)mem_alloc(rim, sizeof *column);
    enum status status = map && column ? OK : ERR_MEMORY;
    if (status != OK) goto done;
    GUARD(axis_make(box[0], box[2], side, width, options->method, &x));
    GUARD(axis_make(box[1], box[3], side, height, options->method, &y));
    GUARD(run_image(map, rim, &x, &y, options, height, width, column, rle));
done:
    axis_free(&x);
    axis_free(&y);
    mem_free(map);
    mem_free(column);
    return status;
}
