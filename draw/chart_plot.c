#include "draw/chart_plot.h"

#include <math.h>

#include "draw/palette.h"

static const double LARGEST = 1e300; // differences of two stay finite

bool chart_point(const struct chart *chart, const struct chart_series *series, size_t i, double *x,
                 double *y)
{
    double at = series->x ? series->x[i] : (double)i, value = series->y[i];
    if (!isfinite(at) || !isfinite(value) || fabs(at) > LARGEST || fabs(value) > LARGEST)
        return false;
    if (chart->is_log_y && value < 1e-300) return false;
    *x = at;
    *y = value;
    return true;
}

static void widen(double *low, double *high)
{
    if (*high - *low > 1e-12 * fmax(fabs(*low), fabs(*high))) return;
    double by = *low == 0 ? 1 : fabs(*low) * 0.1;
    *low -= by;
    *high += by;
}

void chart_range(const struct chart *chart, struct chart_view *view)
{
    double x_low = INFINITY, x_high = -INFINITY, y_low = INFINITY, y_high = -INFINITY;
    view->is_log_y = chart->is_log_y;
    view->is_integer_x = true;
    for (size_t s = 0; s < chart->n_series; s++)
        for (size_t i = 0; i < chart->series[s].n; i++) {
            double x, y;
            if (!chart_point(chart, &chart->series[s], i, &x, &y)) continue;
            x_low = fmin(x_low, x), x_high = fmax(x_high, x);
            y_low = fmin(y_low, y), y_high = fmax(y_high, y);
            if (x != floor(x)) view->is_integer_x = false;
        }
    view->has_data = x_low <= x_high;
    if (!view->has_data) x_low = 0, x_high = 1, y_low = chart->is_log_y ? 0.1 : 0, y_high = 1;
    widen(&x_low, &x_high);
    if (chart->is_log_y) {
        if (y_high < y_low * 1.01) y_low /= 2, y_high *= 2;
    } else {
        widen(&y_low, &y_high);
    }
    if (chart->has_y_range) y_low = chart->y_min, y_high = chart->y_max;
    view->x_low = x_low, view->x_high = x_high;
    view->y_low = y_low, view->y_high = y_high;
}

// Cairo's coordinates are 24.8 fixed point: far points are held near the canvas.
static double bounded(double pixel)
{
    return fmin(fmax(pixel, -30000), 60000);
}

double chart_x(const struct chart_view *view, double x)
{
    double share = (x - view->x_low) / (view->x_high - view->x_low);
    return bounded(view->left + share * (view->right - view->left));
}

double chart_y(const struct chart_view *view, double y)
{
    double share = view->is_log_y
                       ? (log(y) - log(view->y_low)) / (log(view->y_high) - log(view->y_low))
                       : (y - view->y_low) / (view->y_high - view->y_low);
    return bounded(view->bottom - share * (view->bottom - view->top));
}

void chart_pen(cairo_t *cr, const struct chart_view *view, size_t index, double alpha, double width)
{
    static const double dashes[3][4] = {{0}, {9, 5, 9, 5}, {3, 4, 3, 4}};
    struct color c = palette_line((int)(index % PALETTE_LINES));
    size_t style = index / PALETTE_LINES % 3;
    double scaled[4];
    for (int i = 0; i < 4; i++) scaled[i] = dashes[style][i] * view->unit;
    cairo_set_dash(cr, scaled, style ? 4 : 0, 0);
    cairo_set_source_rgba(cr, c.r, c.g, c.b, alpha);
    cairo_set_line_width(cr, width * view->unit);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    cairo_set_line_cap(cr, style ? CAIRO_LINE_CAP_BUTT : CAIRO_LINE_CAP_ROUND);
}

// A path through many points, of which those that share a pixel column are reduced to their
// first, lowest, highest and last: the same ink, and time that does not depend on n squared.
struct pencil {
    cairo_t *cr;
    bool is_down;
    double column, first, low, high, last;
    size_t in_column, n_segment;
    double x, half_dot;
};

static void pencil_flush(struct pencil *p)
{
    if (!p->in_column) return;
    if (p->is_down)
        cairo_line_to(p->cr, p->x, p->first);
    else
        cairo_move_to(p->cr, p->x, p->first);
    p->is_down = true;
    if (p->in_column > 2) {
        cairo_line_to(p->cr, p->x, p->low);
        cairo_line_to(p->cr, p->x, p->high);
    }
    if (p->in_column > 1) cairo_line_to(p->cr, p->x, p->last);
    p->in_column = 0;
}

static void pencil_to(struct pencil *p, double x, double y)
{
    double column = floor(x * 2) / 2;
    if (p->in_column && column != p->column) pencil_flush(p);
    if (!p->in_column) {
        p->column = column;
        p->x = x;
        p->first = p->low = p->high = y;
    }
    p->low = fmin(p->low, y);
    p->high = fmax(p->high, y);
    p->last = y;
    p->in_column++;
    p->n_segment++;
}

static void pencil_lift(struct pencil *p)
{
    pencil_flush(p);
    if (p->n_segment == 1) { // a lone point becomes a short dash with round ends
        cairo_move_to(p->cr, p->x - p->half_dot, p->last);
        cairo_line_to(p->cr, p->x + p->half_dot, p->last);
    }
    p->is_down = false;
    p->n_segment = 0;
}

static void trace(cairo_t *cr, const struct chart *chart, const struct chart_view *view,
                  const struct chart_series *series, double smoothing)
{
    struct pencil pencil = {.cr = cr, .half_dot = 1.5 * view->unit};
    double mean = 0, weight = 1; // weight: what is still missing of the mean's total weight
    for (size_t i = 0; i < series->n; i++) {
        double x, y;
        if (!chart_point(chart, series, i, &x, &y)) {
            pencil_lift(&pencil);
            continue;
        }
        if (smoothing > 0) {
            mean = smoothing * mean + (1 - smoothing) * y;
            weight *= smoothing;
            y = mean / (1 - weight);
        }
        pencil_to(&pencil, chart_x(view, x), chart_y(view, y));
    }
    pencil_lift(&pencil);
}

static void dots(cairo_t *cr, const struct chart *chart, const struct chart_view *view,
                 const struct chart_series *series)
{
    double radius = 3.6 * view->unit;
    for (size_t i = 0; i < series->n; i++) {
        double x, y;
        if (!chart_point(chart, series, i, &x, &y)) continue;
        cairo_new_sub_path(cr);
        cairo_arc(cr, chart_x(view, x), chart_y(view, y), radius, 0, 6.283185307179586);
    }
    cairo_fill(cr);
}

void chart_plot(cairo_t *cr, const struct chart *chart, const struct chart_view *view)
{
    double slack = 5 * view->unit; // whole dots on the border
    cairo_save(cr);
    cairo_rectangle(cr, view->left - slack, view->top - slack, view->right - view->left + 2 * slack,
                    view->bottom - view->top + 2 * slack);
    cairo_clip(cr);
    // All pale lines first: no smoothed line is hidden by another's noise.
    for (int strong = 0; strong < 2; strong++)
        for (size_t s = 0; s < chart->n_series; s++) {
            const struct chart_series *series = &chart->series[s];
            bool is_smooth = series->smoothing > 0 && series->smoothing < 1;
            if (!strong && !is_smooth) continue;
            chart_pen(cr, view, s, strong ? 1 : 0.22, strong ? 2.4 : 1.2);
            trace(cr, chart, view, series, strong && is_smooth ? series->smoothing : 0);
            cairo_stroke(cr);
            if (strong && series->has_markers) dots(cr, chart, view, series);
        }
    cairo_restore(cr);
}
