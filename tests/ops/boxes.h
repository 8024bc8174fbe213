// Random boxes for the cases of detection operations.
#ifndef TARN_TESTS_OPS_BOXES_H
#define TARN_TESTS_OPS_BOXES_H

#include <stdint.h>

// n boxes (x1,y1,x2,y2) with sides of 4..size/2 within [0,size), coordinates multiples of `grid`: a
// coarse grid makes equal IoUs likely.
void draw_boxes(float *boxes, int64_t n, float size, float grid, uint32_t key);

#endif
