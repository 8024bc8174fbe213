// A square table of counts as a picture, e.g. a confusion matrix: every cell is as dark as its
// share of its row, and says its count where there is room.
#ifndef TARN_DRAW_GRID_H
#define TARN_DRAW_GRID_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "coco/image.h"

#ifdef __cplusplus
extern "C" {
#endif

struct grid {
    const char *title, *row_title, *column_title; // UTF-8
    const char *const *names;                     // (n) of rows and of columns
    const int64_t *counts;                        // (n, n), at least 0
    size_t n;
};

// ERR_USAGE: no cells, or more than GRID_MAX a side; above GRID_NAMES they have no names.
enum { GRID_MAX = 4096, GRID_NAMES = 100 };
enum status grid_draw(const struct grid *grid, struct image *out) MUST_USE;
enum status grid_save(const struct grid *grid, const char *path) MUST_USE; // PNG

#ifdef __cplusplus
}
#endif
#endif
