#include "draw/sheet.h"

#include <math.h>

#include "draw/surface.h"
#include "draw/text.h"

// Sizes in pixels; `unit` is 1 for cells 220 wide.
struct layout {
    int columns, rows;
    double unit, margin, gap, top, caption, label_size;
    int width, height;
};

static void grey(cairo_t *cr, double v)
{
    cairo_set_source_rgb(cr, v, v, v);
}

// A sheet about one and a half times as wide as high, without a nearly empty last row.
static int choose_columns(const struct sheet *sheet)
{
    if (sheet->columns > 0) return sheet->columns;
    double n = (double)sheet->n_cells, ratio = sheet->cell_height / (double)sheet->cell_width;
    int columns = (int)ceil(sqrt(1.5 * n * (ratio + 0.12)));
    if (columns > (int)sheet->n_cells) columns = (int)sheet->n_cells;
    if (columns < 1) columns = 1;
    int rows = ((int)sheet->n_cells + columns - 1) / columns;
    return ((int)sheet->n_cells + rows - 1) / rows;
}

static void choose_sizes(const struct sheet *sheet, struct layout *l)
{
    l->columns = choose_columns(sheet);
    l->rows = ((int)sheet->n_cells + l->columns - 1) / l->columns;
    l->unit = fmin(fmax(sheet->cell_width / 220.0, 0.8), 2.0);
    l->margin = 28 * l->unit;
    l->gap = 14 * l->unit;
    l->label_size = 14 * l->unit;
    l->caption = 30 * l->unit;
    l->top = l->margin + (sheet->title ? 32 * l->unit : 0) + (sheet->subtitle ? 26 * l->unit : 0);
    l->width =
        (int)ceil(2 * l->margin + l->columns * sheet->cell_width + (l->columns - 1) * l->gap);
    l->height = (int)ceil(l->top + l->rows * (sheet->cell_height + l->caption) + l->margin * 0.6);
}

static void show(cairo_t *cr, const char *text, double x, double baseline, double size,
                 bool is_bold, double shade, double width)
{
    char clean[TEXT_BYTES];
    text_clean(text, clean);
    text_font(cr, size, is_bold);
    text_fit(cr, clean, width);
    grey(cr, shade);
    text_show(cr, x, baseline, TEXT_LEFT, clean);
}

static void paint_heading(cairo_t *cr, const struct sheet *sheet, const struct layout *l)
{
    double width = l->width - 2 * l->margin, y = l->margin;
    if (sheet->title) {
        show(cr, sheet->title, l->margin, y + 16 * l->unit, 20 * l->unit, true, 0.1, width);
        y += 32 * l->unit;
    }
    if (sheet->subtitle)
        show(cr, sheet->subtitle, l->margin, y + 8 * l->unit, 13 * l->unit, false, 0.42, width);
}

static enum status paint_image(cairo_t *cr, const struct image *image, double x, double y,
                               double width, double height)
{
    struct surface picture = {0};
    TRY(surface_from_image(image, &picture));
    cairo_save(cr);
    cairo_rectangle(cr, x, y, width, height);
    cairo_clip(cr);
    cairo_translate(cr, x, y);
    cairo_scale(cr, width / image->width, height / image->height);
    cairo_set_source_surface(cr, picture.pixels, 0, 0);
    // Fewer pixels than the cell are to be seen as such; more of them are averaged.
    cairo_pattern_set_filter(cairo_get_source(cr),
                             image->width <= width ? CAIRO_FILTER_NEAREST : CAIRO_FILTER_GOOD);
    cairo_paint(cr);
    cairo_restore(cr);
    surface_free(&picture);
    return OK;
}

static enum status paint_cell(cairo_t *cr, const struct sheet *sheet, const struct layout *l,
                              size_t i)
{
    const struct sheet_cell *cell = &sheet->cells[i];
    double width = sheet->cell_width, height = sheet->cell_height;
    double x = l->margin + (double)(i % (size_t)l->columns) * (width + l->gap);
    double y = l->top + (double)(i / (size_t)l->columns) * (height + l->caption);
    x = floor(x);
    y = floor(y);
    double baseline = y + height + l->label_size * 1.25;
    show(cr, cell->label, x, baseline, l->label_size, true, 0.13, width);
    if (cell->image) {
        TRY(paint_image(cr, cell->image, x, y, width, height));
        char clean[TEXT_BYTES];
        text_clean(cell->label, clean);
        text_font(cr, l->label_size, true);
        double used = text_width(cr, clean) + 8 * l->unit;
        if (cell->note && used < width)
            show(cr, cell->note, x + used, baseline, 12 * l->unit, false, 0.45, width - used);
        return OK;
    }
    grey(cr, 0.95);
    cairo_rectangle(cr, x, y, width, height);
    cairo_fill(cr);
    show(cr, cell->note, x + 12 * l->unit, y + height / 2, 12 * l->unit, false, 0.5,
         width - 24 * l->unit);
    return OK;
}

enum status sheet_draw(const struct sheet *sheet, struct image *out)
{
    struct surface surface = {0};
    struct layout layout;
    enum status status = OK;
    if (sheet->n_cells == 0 || sheet->cell_width < 1 || sheet->cell_height < 1)
        return fail(ERR_USAGE, "a sheet without pictures");
    choose_sizes(sheet, &layout);
    GUARD(surface_create(layout.width, layout.height, &surface));
    grey(surface.cr, 1);
    cairo_paint(surface.cr);
    paint_heading(surface.cr, sheet, &layout);
    for (size_t i = 0; i < sheet->n_cells; i++) GUARD(paint_cell(surface.cr, sheet, &layout, i));
    GUARD(surface_to_image(&surface, out));
done:
    surface_free(&surface);
    return status;
}
