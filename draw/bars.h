// Bar charts: class balance (bars to the right, one line each) and histograms (upright bars).
#ifndef TARN_DRAW_BARS_H
#define TARN_DRAW_BARS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "coco/image.h"

#ifdef __cplusplus
extern "C" {
#endif

struct bars {
    const char *title, *subtitle; // UTF-8 or NULL
    const char *label_title;      // what the bars are: under a histogram; NULL: nothing
    const char *const *labels;    // (n) UTF-8
    const double *values;         // (n) at least 0, finite
    size_t n;
    double full; // value of a bar over the whole width, e.g. 100 %; less than the largest: that
    bool is_histogram; // upright, touching; a label, or "", belongs to its bar's left edge
    double mark;       // histogram: a line at this bar (fractional), NaN: none
    const char *mark_label;
};

// Histograms have 1200 x 600 pixels; other charts are as high as their bars need: at most 400, what
// is more is counted in the last line. ERR_USAGE: values that are negative or not finite.
enum { BARS_MAX = 400 };
enum status bars_draw(const struct bars *bars, struct image *out) MUST_USE;
enum status bars_save(const struct bars *bars, const char *path) MUST_USE; // PNG

#ifdef __cplusplus
}
#endif
#endif
