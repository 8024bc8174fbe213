#include "draw/bars.h"

#include <math.h>
#include <stdio.h>

#include "draw/palette.h"
#include "draw/surface.h"
#include "draw/text.h"
#include "draw/ticks.h"

enum { WIDTH = 1200, HISTOGRAM_HEIGHT = 600, MARGIN = 28, ROW = 26 };
static const double LETTERS = 15;

static void grey(cairo_t *cr, double v)
{
    cairo_set_source_rgb(cr, v, v, v);
}

static void bar(cairo_t *cr, double x, double y, double w, double h)
{
    struct color c = palette_line(0);
    cairo_set_source_rgb(cr, c.r, c.g, c.b);
    cairo_rectangle(cr, x, y, w, h);
    cairo_fill(cr);
}

static double heading(cairo_t *cr, const char *text, double top, double size, bool is_bold,
                      double shade)
{
    char clean[TEXT_BYTES];
    text_clean(text, clean);
    if (!clean[0]) return top;
    text_font(cr, size, is_bold);
    text_fit(cr, clean, WIDTH - 2 * MARGIN);
    grey(cr, shade);
    text_show(cr, MARGIN, top + size, TEXT_LEFT, clean);
    return top + size * 1.5;
}

static double largest(const struct bars *bars)
{
    double most = 0;
    for (size_t i = 0; i < bars->n; i++) most = fmax(most, bars->values[i]);
    return most > 0 ? most : 1;
}

static double headings(cairo_t *cr, const struct bars *bars)
{
    double top = heading(cr, bars->title, MARGIN * 0.7, 22, true, 0.12);
    return heading(cr, bars->subtitle, top, LETTERS, false, 0.38) + 8;
}

static void count_text(double value, char text[32])
{
    snprintf(text, 32, value == floor(value) && value < 1e15 ? "%.0f" : "%.4g", value);
}

static void paint_rows(cairo_t *cr, const struct bars *bars)
{
    size_t n = bars->n > BARS_MAX ? BARS_MAX : bars->n;
    double top = headings(cr, bars), most = fmax(largest(bars), bars->full), widest = 0;
    char clean[TEXT_BYTES], count[32];
    text_font(cr, LETTERS, false);
    for (size_t i = 0; i < n; i++) {
        text_clean(bars->labels[i], clean);
        widest = fmax(widest, text_width(cr, clean));
    }
    widest = fmin(widest, WIDTH * 0.3);
    double left = MARGIN + widest + 12, room = WIDTH - MARGIN - 90 - left;
    for (size_t i = 0; i < n; i++) {
        double y = top + (double)i * ROW, baseline = y + ROW * 0.5 + LETTERS * 0.36;
        text_clean(bars->labels[i], clean);
        text_fit(cr, clean, widest);
        grey(cr, 0.2);
        text_show(cr, left - 10, baseline, TEXT_RIGHT, clean);
        double w = room * bars->values[i] / most;
        if (bars->values[i] > 0) bar(cr, left, y + ROW * 0.16, fmax(w, 1.5), ROW * 0.68);
        count_text(bars->values[i], count);
        grey(cr, 0.38);
        text_show(cr, left + w + 8, baseline, TEXT_LEFT, count);
    }
    if (n == bars->n) return;
    snprintf(clean, sizeof clean, "and %zu more", bars->n - n);
    grey(cr, 0.38);
    text_show(cr, left, top + (double)n * ROW + LETTERS, TEXT_LEFT, clean);
}

static void paint_mark(cairo_t *cr, const struct bars *bars, double left, double step, double top,
                       double bottom)
{
    char clean[TEXT_BYTES];
    if (!isfinite(bars->mark)) return;
    double x = left + step * fmin(fmax(bars->mark, 0), (double)bars->n);
    struct color c = palette_line(1);
    cairo_set_source_rgb(cr, c.r, c.g, c.b);
    cairo_set_line_width(cr, 2);
    cairo_move_to(cr, x, top);
    cairo_line_to(cr, x, bottom);
    cairo_stroke(cr);
    text_clean(bars->mark_label, clean);
    bool is_right = x + 8 + text_width(cr, clean) < WIDTH - MARGIN;
    text_show(cr, is_right ? x + 6 : x - 6, top + LETTERS, is_right ? TEXT_LEFT : TEXT_RIGHT,
              clean);
}

static void paint_histogram(cairo_t *cr, const struct bars *bars)
{
    double top = headings(cr, bars) + 10, bottom = HISTOGRAM_HEIGHT - MARGIN - 3 * LETTERS;
    double high = largest(bars), low = 0, free_from = 0;
    struct ticks ticks;
    char clean[TEXT_BYTES];
    ticks_round_out(&low, &high, 6);
    ticks_linear(0, high, 6, false, &ticks);
    text_font(cr, LETTERS, false);
    double left = MARGIN;
    for (int i = 0; i < ticks.n; i++)
        left = fmax(left, MARGIN + text_width(cr, ticks.label[i]) + 10);
    double right = WIDTH - MARGIN, step = (right - left) / (double)(bars->n ? bars->n : 1);
    cairo_set_line_width(cr, 1);
    for (int i = 0; i < ticks.n; i++) {
        double y = round(bottom - (bottom - top) * ticks.at[i] / high) + 0.5;
        grey(cr, i ? 0.89 : 0.55);
        cairo_move_to(cr, left, y);
        cairo_line_to(cr, right, y);
        cairo_stroke(cr);
        grey(cr, 0.38);
        text_show(cr, left - 8, y + LETTERS * 0.36, TEXT_RIGHT, ticks.label[i]);
    }
    for (size_t i = 0; i < bars->n; i++) {
        double x = left + step * (double)i, h = (bottom - top) * bars->values[i] / high;
        if (h > 0) bar(cr, x + 1, bottom - h, fmax(step - 2, 1), h);
        text_clean(bars->labels[i], clean);
        double half = text_width(cr, clean) / 2;
        if (!clean[0] || x - half < free_from) continue; // labels never touch
        free_from = x + half + 8;
        grey(cr, 0.38);
        text_show(cr, x, bottom + 6 + LETTERS, TEXT_CENTER, clean);
    }
    paint_mark(cr, bars, left, step, top, bottom);
    text_clean(bars->label_title, clean);
    grey(cr, 0.38);
    text_show(cr, (left + right) / 2, HISTOGRAM_HEIGHT - MARGIN * 0.6, TEXT_CENTER, clean);
}

enum status bars_draw(const struct bars *bars, struct image *out)
{
    size_t rows = bars->n > BARS_MAX ? BARS_MAX + 1 : bars->n;
    int height = bars->is_histogram ? HISTOGRAM_HEIGHT : 110 + (int)rows * ROW;
    struct surface surface = {0};
    for (size_t i = 0; i < bars->n; i++)
        if (!(bars->values[i] >= 0 && bars->values[i] < 1e300))
            return fail(ERR_USAGE, "bars: value %zu is %g", i, bars->values[i]);
    TRY(surface_create(WIDTH, height, &surface));
    cairo_set_source_rgb(surface.cr, 1, 1, 1);
    cairo_paint(surface.cr);
    if (bars->is_histogram)
        paint_histogram(surface.cr, bars);
    else
        paint_rows(surface.cr, bars);
    enum status status = surface_to_image(&surface, out);
    surface_free(&surface);
    return status;
}

enum status bars_save(const struct bars *bars, const char *path)
{
    struct image image;
    TRY(bars_draw(bars, &image));
    enum status status = image_save_png(path, &image);
    image_free(&image);
    return status;
}
