// Tables whose columns are as wide as what stands in them, for terminals and in Markdown.
#ifndef TARN_TRAIN_TEXT_GRID_H
#define TARN_TRAIN_TEXT_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { TEXT_GRID_CELL_BYTES = 128 };

struct text_grid {
    size_t n_columns; // set by the caller, the rest zero
    size_t n_cells, capacity;
    char (*cells)[TEXT_GRID_CELL_BYTES]; // row by row; the first row is the head
};

// Fills the next cell; what is too long is cut.
enum status text_grid_add(struct text_grid *grid, const char *format, ...)
    PRINTF_LIKE(2, 3) MUST_USE;
void text_grid_free(struct text_grid *grid);

// Prints what `fill` adds to an empty grid.
enum status text_grid_write(size_t n_columns,
                            enum status (*fill)(const void *context, struct text_grid *grid),
                            const void *context, bool is_markdown, FILE *stream) MUST_USE;

void text_grid_print(const struct text_grid *grid, FILE *stream);
void text_grid_print_markdown(const struct text_grid *grid, FILE *stream);

#ifdef __cplusplus
}
#endif
#endif
