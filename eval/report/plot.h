// Line charts as inline SVG: a frame with grid and labels, and paths in its coordinates.
#ifndef TARN_EVAL_REPORT_PLOT_H
#define TARN_EVAL_REPORT_PLOT_H

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    PLOT_WIDTH = 1200, // of the view box; coordinates of paths are whole numbers
    PLOT_HEIGHT = 800,
    PLOT_LEFT = 110,
    PLOT_RIGHT = 1176,
    PLOT_TOP = 24,
    PLOT_BOTTOM = 690,
};

// y runs from 0 to 1.
struct plot {
    const char *id, *title, *description; // the latter two for screen readers
    const char *x_label, *y_label;
    double x_low, x_high;
};

// <svg> with all but the lines; plot_end closes it.
void plot_begin(FILE *stream, const struct plot *plot);
void plot_end(FILE *stream);

int plot_x(const struct plot *plot, double x);
int plot_y(double y);

// The data of a path through points given one after the other; points on a level line between
// neighbours are left out. Start with a zeroed struct.
struct plot_path {
    int n, x, y; // last point written or held back
    int is_held; // (x, y) is not written yet
};
void plot_path_add(FILE *stream, struct plot_path *path, int x, int y);
void plot_path_end(FILE *stream, struct plot_path *path);

#ifdef __cplusplus
}
#endif
#endif
