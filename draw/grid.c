#include "draw/grid.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "draw/surface.h"
#include "draw/text.h"

static const double MARGIN = 16, TITLE = 22, FONT = 12, NAMES = 130, LARGEST = 64, SIDE = 900;

struct layout {
    double cell, left, top, names; // pixels; names: room for them
    double width;                  // of the picture
};

static double name_size(const struct layout *l)
{
    return fmin(FONT, l->cell);
}

static void title_font(cairo_t *cr)
{
    text_font(cr, TITLE * 0.7, true);
}

static double width_of(cairo_t *cr, const char *text)
{
    char clean[TEXT_BYTES];
    text_clean(text, clean);
    return ceil(text_width(cr, clean)) + 1;
}

// Room for the longest name, and not more than NAMES; room for the title.
static enum status make_layout(const struct grid *grid, struct layout *l)
{
    struct surface surface; // to measure on
    double title;
    TRY(surface_create(1, 1, &surface));
    *l = (struct layout){.cell = fmin(LARGEST, fmax(1, floor(SIDE / (double)grid->n)))};
    text_font(surface.cr, name_size(l), false);
    for (size_t k = 0; k < grid->n && grid->n <= GRID_NAMES; k++)
        l->names = fmax(l->names, fmin(NAMES, width_of(surface.cr, grid->names[k])) + FONT / 2);
    l->left = MARGIN + FONT * 2 + l->names;
    l->top = MARGIN + TITLE + FONT * 2 + l->names;
    title_font(surface.cr);
    title = fmin(SIDE, width_of(surface.cr, grid->title));
    l->width = fmax(l->left + (double)grid->n * l->cell, MARGIN + title) + MARGIN;
    surface_free(&surface);
    return OK;
}

// Nearly white to dark blue, with a gap to the next where there is room.
static void paint_cell(cairo_t *cr, const struct layout *l, double share, double x, double y)
{
    double side = l->cell >= 8 ? l->cell - 1 : l->cell;
    cairo_set_source_rgb(cr, 0.96 - 0.86 * share, 0.965 - 0.665 * share, 0.975 - 0.425 * share);
    cairo_rectangle(cr, x, y, side, side);
    cairo_fill(cr);
}

static void paint_row(cairo_t *cr, const struct grid *grid, const struct layout *l, size_t row)
{
    const int64_t *counts = grid->counts + row * grid->n;
    const double least_with_text = 26;
    double sum = 0;
    for (size_t k = 0; k < grid->n; k++) sum += (double)counts[k];
    for (size_t k = 0; k < grid->n; k++) {
        double share = sum > 0 ? (double)counts[k] / sum : 0;
        double x = l->left + (double)k * l->cell, y = l->top + (double)row * l->cell;
        char text[TEXT_BYTES];
        paint_cell(cr, l, share, x, y);
        if (counts[k] == 0 || l->cell < least_with_text) continue;
        snprintf(text, sizeof text, "%" PRId64, counts[k]);
        text_fit(cr, text, l->cell - 2);
        cairo_set_source_rgb(cr, share > 0.5, share > 0.5, share > 0.5);
        text_show(cr, x + l->cell / 2, y + l->cell / 2 + FONT / 3, TEXT_CENTER, text);
    }
}

static void show(cairo_t *cr, const char *text, double x, double y, double width,
                 enum text_align align)
{
    char clean[TEXT_BYTES];
    text_clean(text, clean);
    text_fit(cr, clean, width);
    text_show(cr, x, y, align, clean);
}

static void show_upright(cairo_t *cr, const char *text, double x, double y, double width,
                         enum text_align align)
{
    cairo_save(cr);
    cairo_translate(cr, x, y);
    cairo_rotate(cr, -acos(0.0));
    show(cr, text, 0, 0, width, align);
    cairo_restore(cr);
}

static void paint_names(cairo_t *cr, const struct grid *grid, const struct layout *l)
{
    double middle = (double)grid->n * l->cell / 2, side = 2 * middle;
    cairo_set_source_rgb(cr, 0.1, 0.1, 0.1);
    title_font(cr);
    show(cr, grid->title, MARGIN, MARGIN + FONT, l->width - 2 * MARGIN, TEXT_LEFT);
    text_font(cr, FONT, true);
    show(cr, grid->column_title, l->left + middle, MARGIN + TITLE + FONT, side, TEXT_CENTER);
    show_upright(cr, grid->row_title, MARGIN + FONT, l->top + middle, side, TEXT_CENTER);
    if (l->names == 0) return;
    text_font(cr, name_size(l), false);
    for (size_t k = 0; k < grid->n; k++) {
        double at = ((double)k + 0.5) * l->cell + name_size(l) / 3, room = l->names - FONT / 2;
        show(cr, grid->names[k], l->left - FONT / 2, l->top + at, room, TEXT_RIGHT);
        show_upright(cr, grid->names[k], l->left + at, l->top - FONT / 2, room, TEXT_LEFT);
    }
}

enum status grid_draw(const struct grid *grid, struct image *out)
{
    struct surface surface;
    if (grid->n < 1 || grid->n > GRID_MAX)
        return fail(ERR_USAGE, "a picture of %zu x %zu counts, expected 1 to %d", grid->n, grid->n,
                    (int)GRID_MAX);
    struct layout l;
    TRY(make_layout(grid, &l));
    double side = (double)grid->n * l.cell;
    TRY(surface_create((int)l.width, (int)(l.top + side + MARGIN), &surface));
    cairo_t *cr = surface.cr;
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_paint(cr);
    text_font(cr, FONT, false);
    for (size_t row = 0; row < grid->n; row++) paint_row(cr, grid, &l, row);
    paint_names(cr, grid, &l);
    enum status status = surface_to_image(&surface, out);
    surface_free(&surface);
    return status;
}

enum status grid_save(const struct grid *grid, const char *path)
{
    struct image image;
    TRY(grid_draw(grid, &image));
    enum status status = image_save_png(path, &image);
    image_free(&image);
    return status;
}
