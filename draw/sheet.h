// Labelled pictures side by side in a grid.
#ifndef TARN_DRAW_SHEET_H
#define TARN_DRAW_SHEET_H

#include <stddef.h>

#include "base/status.h"
#include "coco/image.h"

#ifdef __cplusplus
extern "C" {
#endif

struct sheet_cell {
    const char *label, *note;  // UTF-8; the note stands behind the label, or in an empty cell
    const struct image *image; // shown at the cell's size, every pixel a sharp square; NULL: none
};

struct sheet {
    const char *title, *subtitle; // UTF-8 or NULL
    const struct sheet_cell *cells;
    size_t n_cells;
    int columns;                 // 0: chosen
    int cell_width, cell_height; // pixels
};

// ERR_USAGE: no cells, or a sheet larger than a canvas can be.
enum status sheet_draw(const struct sheet *sheet, struct image *out) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
