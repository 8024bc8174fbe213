// Line charts: losses and AP over iterations, and the like.
#ifndef TARN_DRAW_CHART_H
#define TARN_DRAW_CHART_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "coco/image.h"

#ifdef __cplusplus
extern "C" {
#endif

struct chart_series {
    const char *name; // legend; UTF-8; NULL or "": no entry
    const double *x;  // (n), NULL: 0, 1, 2 ...
    const double *y;  // (n); NaN, infinite and |value| > 1e300 are gaps, on a log axis also <= 0
    size_t n;
    double smoothing; // 0: the line as it is; else, below 1: that line pale, and over it its
                      // exponential moving average of this weight, corrected for its start
    bool has_markers; // a dot on every point
};

struct chart {
    const char *title, *x_label, *y_label; // UTF-8 or NULL
    const struct chart_series *series;
    size_t n_series;
    bool is_log_y;
    bool has_y_range;    // y_min .. y_max instead of the data's range
    double y_min, y_max; // finite, y_min < y_max (on a log axis 0 < y_min)
    int width, height;   // pixels; 0: 1200 x 720
};

// ERR_USAGE for sizes outside 16 .. 16384 and for a bad y range. No data at all is a chart that
// says so.
enum status chart_draw(const struct chart *chart, struct image *out) MUST_USE;
enum status chart_save(const struct chart *chart, const char *path) MUST_USE; // PNG

#ifdef __cplusplus
}
#endif
#endif
