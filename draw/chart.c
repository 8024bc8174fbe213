#include "draw/chart.h"

#include <math.h>
#include <string.h>

#include "draw/chart_plot.h"
#include "draw/surface.h"
#include "draw/text.h"
#include "draw/ticks.h"

enum { DEFAULT_WIDTH = 1200, DEFAULT_HEIGHT = 720, MIN_SIDE = 16, MAX_SIDE = 16384 };

static void grey(cairo_t *cr, double v)
{
    cairo_set_source_rgb(cr, v, v, v);
}

// One line of text below `top`; returns the y below it.
static double heading(cairo_t *cr, const char *text, double x, double top, double width,
                      double size, bool is_bold, double shade)
{
    char clean[TEXT_BYTES];
    text_clean(text, clean);
    if (!clean[0]) return top;
    text_font(cr, size, is_bold);
    text_fit(cr, clean, width);
    grey(cr, shade);
    text_show(cr, x, top + size, TEXT_LEFT, clean);
    return top + size * 1.45;
}

// Entries in rows from the left; what does not fit into three rows is counted instead.
static double legend(cairo_t *cr, const struct chart *chart, const struct chart_view *view,
                     double left, double top, double width)
{
    enum { MAX_ROWS = 3 };
    double u = view->unit, size = 15 * u, sample = 26 * u, gap = 8 * u, between = 24 * u;
    double x = left, y = top, row = size * 1.6;
    int rows = 0;
    text_font(cr, size, false);
    for (size_t s = 0; s < chart->n_series; s++) {
        char name[TEXT_BYTES];
        text_clean(chart->series[s].name, name);
        if (!name[0]) continue;
        text_fit(cr, name, fmin(width - sample - gap, width * 0.45));
        double wide = sample + gap + text_width(cr, name);
        if (rows == 0) rows = 1;
        if (x > left && x + wide > left + width) {
            if (rows == MAX_ROWS) {
                grey(cr, 0.35);
                text_show(cr, fmin(x, left + width - text_width(cr, "...")), y + size, TEXT_LEFT,
                          "...");
                break;
            }
            rows++;
            x = left;
            y += row;
        }
        double middle = y + size * 0.64;
        chart_pen(cr, view, s, 1, 3.2);
        cairo_move_to(cr, x, middle);
        cairo_line_to(cr, x + sample, middle);
        cairo_stroke(cr);
        if (chart->series[s].has_markers) {
            cairo_arc(cr, x + sample / 2, middle, 4.4 * u, 0, 6.283185307179586);
            cairo_fill(cr);
        }
        grey(cr, 0.2);
        text_show(cr, x + sample + gap, y + size, TEXT_LEFT, name);
        x += wide + between;
    }
    return rows ? y + row + 4 * u : top;
}

static double widest_label(cairo_t *cr, const struct ticks *ticks)
{
    double widest = 0;
    for (int i = 0; i < ticks->n; i++) widest = fmax(widest, text_width(cr, ticks->label[i]));
    return widest;
}

static void grid(cairo_t *cr, const struct chart_view *view, const struct ticks *x_ticks,
                 const struct ticks *y_ticks)
{
    double u = view->unit, size = 14 * u;
    cairo_set_dash(cr, NULL, 0, 0);
    cairo_set_line_cap(cr, CAIRO_LINE_CAP_BUTT);
    cairo_set_line_width(cr, fmax(1, round(u)));
    text_font(cr, size, false);
    for (int i = 0; i < y_ticks->n; i++) {
        double y = round(chart_y(view, y_ticks->at[i])) + 0.5;
        grey(cr, 0.89);
        cairo_move_to(cr, view->left, y);
        cairo_line_to(cr, view->right, y);
        cairo_stroke(cr);
        grey(cr, 0.38);
        text_show(cr, view->left - 9 * u, y + size * 0.36, TEXT_RIGHT, y_ticks->label[i]);
    }
    double free_from = -INFINITY; // labels never touch, whatever their length
    for (int i = 0; i < x_ticks->n; i++) {
        double x = round(chart_x(view, x_ticks->at[i])) + 0.5;
        double half = text_width(cr, x_ticks->label[i]) / 2;
        grey(cr, 0.94);
        cairo_move_to(cr, x, view->top);
        cairo_line_to(cr, x, view->bottom);
        cairo_stroke(cr);
        grey(cr, 0.55);
        cairo_move_to(cr, x, view->bottom);
        cairo_line_to(cr, x, view->bottom + 5 * u);
        cairo_stroke(cr);
        if (x - half < free_from) continue;
        free_from = x + half + 8 * u;
        grey(cr, 0.38);
        text_show(cr, x, view->bottom + 8 * u + size, TEXT_CENTER, x_ticks->label[i]);
    }
    grey(cr, 0.55);
    double floor_y = round(view->bottom) + 0.5;
    cairo_move_to(cr, view->left, floor_y);
    cairo_line_to(cr, view->right, floor_y);
    cairo_stroke(cr);
}

static void paint(cairo_t *cr, const struct chart *chart, double width, double height)
{
    struct chart_view view = {.unit = fmin(width / DEFAULT_WIDTH, height / DEFAULT_HEIGHT)};
    double u = view.unit, margin = 26 * u, size = 14 * u, inner = width - 2 * margin;
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_paint(cr);

    double top = heading(cr, chart->title, margin, margin * 0.8, inner, 23 * u, true, 0.12);
    top = legend(cr, chart, &view, margin, top, inner);
    top = heading(cr, chart->y_label, margin, top, inner, size, false, 0.38);
    view.top = top + 8 * u;
    bool has_x_label = chart->x_label && chart->x_label[0];
    view.bottom = height - margin * 0.7 - size * (has_x_label ? 3.2 : 1.7);
    if (view.bottom < view.top + 4)
        view.bottom = view.top + 4; // a tiny chart: clipped, not reversed

    chart_range(chart, &view);
    text_font(cr, size, false);
    struct ticks x_ticks, y_ticks;
    int wanted_y = (int)fmin(fmax((view.bottom - view.top) / (62 * u), 2), 9);
    if (chart->is_log_y) {
        if (!chart->has_y_range) view.y_low *= 0.94, view.y_high *= 1.06;
        ticks_log(view.y_low, view.y_high, wanted_y, &y_ticks);
    } else {
        if (!chart->has_y_range) ticks_round_out(&view.y_low, &view.y_high, wanted_y);
        ticks_linear(view.y_low, view.y_high, wanted_y, false, &y_ticks);
    }
    view.left = margin + fmin(widest_label(cr, &y_ticks), width / 4) + 9 * u;
    view.right = fmax(width - margin, view.left + 4);
    int wanted_x = (int)fmin(fmax((view.right - view.left) / (120 * u), 2), 10);
    ticks_linear(view.x_low, view.x_high, wanted_x, view.is_integer_x, &x_ticks);
    // Half a label past the last tick must stay on the canvas.
    view.right =
        fmax(fmin(view.right, width - 6 * u - widest_label(cr, &x_ticks) / 2), view.left + 4);

    grid(cr, &view, &x_ticks, &y_ticks);
    if (has_x_label) {
        char label[TEXT_BYTES];
        text_clean(chart->x_label, label);
        text_fit(cr, label, inner);
        grey(cr, 0.38);
        text_show(cr, (view.left + view.right) / 2, height - margin * 0.7, TEXT_CENTER, label);
    }
    chart_plot(cr, chart, &view);
    if (!view.has_data) {
        text_font(cr, 20 * u, false);
        grey(cr, 0.5);
        text_show(cr, (view.left + view.right) / 2, (view.top + view.bottom) / 2, TEXT_CENTER,
                  "no data yet");
    }
}

enum status chart_draw(const struct chart *chart, struct image *out)
{
    int width = chart->width ? chart->width : DEFAULT_WIDTH;
    int height = chart->height ? chart->height : DEFAULT_HEIGHT;
    if (width < MIN_SIDE || height < MIN_SIDE || width > MAX_SIDE || height > MAX_SIDE)
        return fail(ERR_USAGE, "chart of %d x %d pixels: sides may be %d to %d", width, height,
                    MIN_SIDE, MAX_SIDE);
    if (chart->has_y_range &&
        !(isfinite(chart->y_min) && isfinite(chart->y_max) && chart->y_min < chart->y_max &&
          isfinite(chart->y_max - chart->y_min) && (!chart->is_log_y || chart->y_min > 0)))
        return fail(ERR_USAGE, "chart: y range %g to %g", chart->y_min, chart->y_max);
    struct surface surface = {0};
    TRY(surface_create(width, height, &surface));
    paint(surface.cr, chart, width, height);
    enum status status = surface_to_image(&surface, out);
    surface_free(&surface);
    return status;
}

enum status chart_save(const struct chart *chart, const char *path)
{
    struct image image = {0};
    TRY(chart_draw(chart, &image));
    enum status status = image_save_png(path, &image);
    image_free(&image);
    return status;
}
