// How well a detector's anchors can meet objects, whatever it learns.
#ifndef TARN_DETECT_ANCHOR_COVERAGE_H
#define TARN_DETECT_ANCHOR_COVERAGE_H

#include "detect/detector.h"

#ifdef __cplusplus
extern "C" {
#endif

// The anchors of one detector: of each pyramid level the boxes of one location.
enum { COVERAGE_LEVELS = 5 };
struct anchor_set {
    int n_base;
    float base[COVERAGE_LEVELS][16][4];
    int log2_strides[COVERAGE_LEVELS];
};
void anchor_set_retinanet(struct anchor_set *set);
void anchor_set_rpn(const int sizes[RPN_LEVELS], struct anchor_set *set);

// The best IoU of a box (x1 y1 x2 y2 in resized pixels) with any anchor of an image of this size,
// padded to multiples of 32. Anchors lie where detect/anchors.h puts them.
double anchor_set_best(const struct anchor_set *set, const double box[4], int width, int height);

#ifdef __cplusplus
}
#endif
#endif
