// The inside of a chart: from data to pixels. Used by draw/chart.c alone.
#ifndef TARN_DRAW_CHART_PLOT_H
#define TARN_DRAW_CHART_PLOT_H

#include <cairo.h>

#include "draw/chart.h"

#ifdef __cplusplus
extern "C" {
#endif

struct chart_view {
    double left, top, right, bottom;     // pixels
    double x_low, x_high, y_low, y_high; // data
    bool is_log_y;
    bool is_integer_x; // all x are whole numbers
    bool has_data;
    double unit; // 1 at 1200 x 720
};

bool chart_point(const struct chart *chart, const struct chart_series *series, size_t i, double *x,
                 double *y); // false: a gap

// Data range of all series into view (never empty: widened around a single value).
void chart_range(const struct chart *chart, struct chart_view *view);

double chart_x(const struct chart_view *view, double x);
double chart_y(const struct chart_view *view, double y);

// Dashes tell lines apart after the colours repeat.
void chart_pen(cairo_t *cr, const struct chart_view *view, size_t index, double alpha,
               double width);

void chart_plot(cairo_t *cr, const struct chart *chart, const struct chart_view *view);

#ifdef __cplusplus
}
#endif
#endif
