#include "train/text_grid.h"

#include <stdarg.h>
#include <string.h>

#include "base/mem.h"

enum status text_grid_add(struct text_grid *grid, const char *format, ...)
{
    va_list arguments;
    TRY(mem_reserve(&grid->cells, &grid->capacity, grid->n_cells + 1, sizeof *grid->cells));
    va_start(arguments, format);
    vsnprintf(grid->cells[grid->n_cells++], TEXT_GRID_CELL_BYTES, format, arguments);
    va_end(arguments);
    return OK;
}

void text_grid_free(struct text_grid *grid)
{
    mem_free(grid->cells);
    *grid = (struct text_grid){.n_columns = grid->n_columns};
}

// Bytes that begin a character: names may be written in UTF-8.
static size_t text_width(const char *text)
{
    size_t n = 0;
    for (; *text; text++) n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

static size_t column_width(const struct text_grid *grid, size_t column)
{
    size_t width = 0;
    for (size_t i = column; i < grid->n_cells; i += grid->n_columns) {
        size_t n = text_width(grid->cells[i]);
        if (n > width) width = n;
    }
    return width;
}

void text_grid_print(const struct text_grid *grid, FILE *stream)
{
    size_t gap = 0; // blanks owed: none are written at a line's end
    for (size_t i = 0; i < grid->n_cells; i++) {
        const char *text = grid->cells[i];
        size_t column = i % grid->n_columns;
        if (column == 0) gap = 0;
        if (text[0]) {
            fprintf(stream, "%*s%s", (int)gap, "", text);
            gap = 0;
        }
        gap += column_width(grid, column) - text_width(text) + 2;
        if (column + 1 == grid->n_columns) fputc('\n', stream);
    }
}

void text_grid_print_markdown(const struct text_grid *grid, FILE *stream)
{
    for (size_t i = 0; i < grid->n_cells; i++) {
        size_t column = i % grid->n_columns;
        fputs(column ? " | " : "| ", stream);
        for (const char *c = grid->cells[i]; *c; c++) {
            if (*c == '|') fputc('\\', stream);
            fputc(*c, stream);
        }
        if (column + 1 < grid->n_columns) continue;
        fputs(" |\n", stream);
        if (i + 1 != grid->n_columns) continue;
        for (size_t k = 0; k < grid->n_columns; k++) fputs("|---", stream);
        fputs("|\n", stream);
    }
}

enum status text_grid_write(size_t n_columns,
                            enum status (*fill)(const void *context, struct text_grid *grid),
                            const void *context, bool is_markdown, FILE *stream)
{
    struct text_grid grid = {.n_columns = n_columns};
    enum status status = fill(context, &grid);
    if (status == OK && is_markdown)
        text_grid_print_markdown(&grid, stream);
    else if (status == OK)
        text_grid_print(&grid, stream);
    text_grid_free(&grid);
    return status;
}
