// Outlines of the synthetic classes: private to coco/synth*.c.
#ifndef TARN_COCO_SYNTH_SHAPE_H
#define TARN_COCO_SYNTH_SHAPE_H

#include "base/rng.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { POLYGON_MAX = 160 };

struct polygon {
    int n;
    double x[POLYGON_MAX], y[POLYGON_MAX];
};

// The outline of a class around the origin, within the unit circle, with variations of
// proportion. kind: 0 .. SYNTH_MAX_CLASSES - 1.
void shape_outline(int kind, struct rng *rng, struct polygon *out);

// A closed outline of no class.
void shape_blob(struct rng *rng, struct polygon *out);

// Turned by `angle`, scaled and moved.
void polygon_place(struct polygon *polygon, double angle, double scale, double x, double y);

// The part inside [0, width] x [0, height], with coordinates rounded to 1/100.
void polygon_clip(const struct polygon *in, double width, double height, struct polygon *out);

double polygon_area(const struct polygon *polygon);
void polygon_bounds(const struct polygon *polygon, double bounds[4]); // x1 y1 x2 y2

// Calls paint(context, x, y, coverage) for all pixels of a width x height image that the polygon
// touches; coverage in (0, 1] from four lines a
// pixel. Even-odd rule.
void polygon_fill(const struct polygon *polygon, int width, int height,
                  void (*paint)(void *context, int x, int y, float coverage), void *context);

#ifdef __cplusplus
}
#endif
#endif
