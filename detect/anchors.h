// Anchor boxes as torchvision (v1) generates them: rounded base boxes, shifted by whole strides
// that follow from the padded image; and as Detectron2 does: not rounded, strides of powers of two.
#ifndef TARN_DETECT_ANCHORS_H
#define TARN_DETECT_ANCHORS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { ANCHORS_MAX_BASE = 16 };

// The boxes (x1, y1, x2, y2) of one location, around (0, 0): ratio outer, size inner.
// ratio = height / width; w = size / sqrt(ratio), h = size * sqrt(ratio) in float; +-w/2, +-h/2
// rounded half to even. n_sizes * n_ratios <= ANCHORS_MAX_BASE. Returns their number.
int anchors_base(const int *sizes, int n_sizes, const float *ratios, int n_ratios,
                 float base[ANCHORS_MAX_BASE][4]);

// The same without rounding.
int anchors_base_exact(const double *sizes, int n_sizes, const double *ratios, int n_ratios,
                       float base[ANCHORS_MAX_BASE][4]);

// The boxes of a level's grid: y outer, x inner, then the base boxes. The shift of a cell is its
// index times (padded size / grid size, whole number division), without an offset.
// out: grid_h * grid_w * n_base * 4 floats.
void anchors_grid(float (*base)[4], int n_base, int padded_h, int padded_w, int grid_h, int grid_w,
                  float *out);

// The same with a given stride.
void anchors_grid_strided(float (*base)[4], int n_base, int stride, int grid_h, int grid_w,
                          float *out);

#ifdef __cplusplus
}
#endif
#endif
