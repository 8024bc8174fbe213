#include "coco/polygon.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

// Fine coordinates: 5 times pixels, rounded. A pixel column is crossed where the boundary steps
// from fine column 5x + 2 to the next one or back.
enum { FINE = 5, CENTER = 2 };
static const double LARGEST = 4e8; // 5 times this still fits an int
// 256 MB. An outline of a real object has thousands; a long zigzag over a wide image has no end.
enum { MAX_CROSSINGS = 1 << 26 };

struct raster {
    int64_t height, width;
    struct polygon_scratch *scratch;
};

void polygon_free(struct polygon_scratch *scratch)
{
    mem_free(scratch->crossings);
    mem_free(scratch->other);
    *scratch = (struct polygon_scratch){0};
}

// Toward zero, as a conversion does, so that negative values round differently.
static int64_t to_fine(double value)
{
    return (int64_t)(FINE * value + 0.5);
}

// The boundary passes from fine column `column` to the next, `row` being the upper of the two
// points.
static enum status cross(const struct raster *raster, int64_t column, int64_t row)
{
    int64_t x = (column - CENTER) / FINE;
    int64_t y = row <= CENTER ? 0 : (row - CENTER + FINE - 1) / FINE; // rounded up
    if (y > raster->height) y = raster->height;
    struct polygon_scratch *scratch = raster->scratch;
    if (scratch->n == MAX_CROSSINGS)
        return fail(ERR_DATA, "a polygon passes more than %d pixel columns", MAX_CROSSINGS);
    if (scratch->n == scratch->capacity)
        TRY(mem_reserve(&scratch->crossings, &scratch->capacity, scratch->n + 1,
                        sizeof *scratch->crossings));
    scratch->crossings[scratch->n++] = (uint32_t)(x * raster->height + y);
    return OK;
}

// The first fine column of a pixel centre at or right of `column`, within the image.
static int64_t first_column(int64_t column)
{
    if (column <= CENTER) return CENTER;
    return CENTER + (column - CENTER + FINE - 1) / FINE * FINE;
}

// An edge at most as high as it is wide: a point in every fine column from x0 to x1 = x0 + n.
static enum status flat_edge(const struct raster *raster, int64_t x0, int64_t y0, int64_t n,
                             double slope)
{
    int64_t end = raster->width * FINE; // no centre from here on
    if (x0 + n < end) end = x0 + n;
    for (int64_t column = first_column(x0); column < end; column += FINE) {
        double t = (double)(column - x0);
        int64_t a = (int64_t)((double)y0 + slope * t + 0.5);
        int64_t b = (int64_t)((double)y0 + slope * (t + 1) + 0.5);
        TRY(cross(raster, column, a < b ? a : b));
    }
    return OK;
}

// An edge higher than wide: a point in every fine row from y0 to y0 + n. Its column moves one way
// only, so the row where it passes a centre is found by bisection.
static int64_t column_at(int64_t x0, double slope, int64_t t)
{
    return (int64_t)((double)x0 + slope * (double)t + 0.5);
}

static enum status steep_edge(const struct raster *raster, int64_t x0, int64_t y0, int64_t n,
                              double slope)
{
    int64_t from = column_at(x0, slope, 0), to = column_at(x0, slope, n);
    int64_t low = from < to ? from : to, high = from < to ? to : from;
    int64_t end = raster->width * FINE;
    if (high < end) end = high;
    for (int64_t column = first_column(low); column < end; column += FINE) {
        int64_t before = 0, behind = n; // the passage lies in (before, behind]
        while (behind - before > 1) {
            int64_t middle = before + (behind - before) / 2;
            bool is_right = column_at(x0, slope, middle) > column;
            if (is_right == (to > from))
                behind = middle;
            else
                before = middle;
        }
        TRY(cross(raster, column, y0 + before));
    }
    return OK;
}

static enum status trace_edge(const struct raster *raster, const int64_t a[2], const int64_t b[2])
{
    int64_t dx = llabs(b[0] - a[0]), dy = llabs(b[1] - a[1]);
    bool is_flat = dx >= dy;
    if (dx == 0) return OK; // no column is passed
    // From the smaller end of the longer axis.
    const int64_t *from = a, *to = b;
    if (is_flat ? a[0] > b[0] : a[1] > b[1]) {
        from = b;
        to = a;
    }
    if (is_flat)
        return flat_edge(raster, from[0], from[1], dx, (double)(to[1] - from[1]) / (double)dx);
    return steep_edge(raster, from[0], from[1], dy, (double)(to[0] - from[0]) / (double)dy);
}

// By value, a byte at a time: an outline has hundreds of crossings, and comparing them took longer
// than finding them.
static enum status sort_crossings(struct polygon_scratch *scratch, uint32_t pixels)
{
    TRY(mem_reserve(&scratch->other, &scratch->other_capacity, scratch->n, sizeof *scratch->other));
    for (int shift = 0; shift < 32 && pixels >> shift; shift += 8) {
        uint32_t starts[257] = {0}, *from = scratch->crossings, *to = scratch->other;
        for (size_t i = 0; i < scratch->n; i++) starts[(from[i] >> shift & 255) + 1]++;
        for (size_t k = 0; k < 256; k++) starts[k + 1] += starts[k];
        for (size_t i = 0; i < scratch->n; i++) to[starts[from[i] >> shift & 255]++] = from[i];
        scratch->crossings = to;
        scratch->other = from;
        size_t capacity = scratch->capacity;
        scratch->capacity = scratch->other_capacity;
        scratch->other_capacity = capacity;
    }
    return OK;
}

// Each crossing turns the mask over from its pixel on; two at one pixel cancel.
static enum status crossings_to_runs(struct polygon_scratch *scratch, struct rle *rle)
{
    uint32_t pixels = (uint32_t)rle->height * (uint32_t)rle->width;
    uint32_t begin = 0; // of the current run
    if (scratch->n) TRY(sort_crossings(scratch, pixels));
    const uint32_t *at = scratch->crossings;
    for (size_t i = 0; i < scratch->n; i++) {
        if (i + 1 < scratch->n && at[i] == at[i + 1]) {
            i++;
            continue;
        }
        if (at[i] == pixels) break; // the last run reaches the end
        TRY(rle_append(rle, at[i] - begin));
        begin = at[i];
    }
    return rle_append(rle, pixels - begin);
}

enum status polygon_to_rle(const double *points, size_t n_points, int64_t height, int64_t width,
                           struct polygon_scratch *scratch, struct rle *rle)
{
    TRY(rle_begin(rle, height, width));
    struct raster raster = {height, width, scratch};
    scratch->n = 0;
    for (size_t i = 0; i < 2 * n_points; i++)
        if (!(fabs(points[i]) <= LARGEST))
            return fail(ERR_DATA, "point %zu of a polygon is at %g", i / 2, points[i]);
    for (size_t i = 0; i < n_points; i++) {
        const double *p = points + 2 * i, *q = points + 2 * ((i + 1) % n_points);
        int64_t a[2] = {to_fine(p[0]), to_fine(p[1])}, b[2] = {to_fine(q[0]), to_fine(q[1])};
        TRY(trace_edge(&raster, a, b));
    }
    return crossings_to_runs(scratch, rle);
}
