// Single-threaded loops of the operations of nn/ops_map.h, compiled for several instruction sets.
#ifndef TARN_CPU_MAP_HOT_H
#define TARN_CPU_MAP_HOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cpu/isa.h"
#include "nn/window.h"

#ifdef __cplusplus
extern "C" {
#endif

// y = beta * y + a x; with beta 0 y is only written.
ISA_DECLARE(void, map_add, (float *y, const float *x, float a, bool adds, size_t n));

// y = shift + scale / (1 + exp(-slope x)), and dx (+)= dy times its slope at y.
struct logistic_args;
ISA_DECLARE(void, map_logistic,
            (float *y, const float *x, const struct logistic_args *args, size_t n));
ISA_DECLARE(void, map_logistic_backward,
            (float *dx, const float *dy, const float *y, const struct logistic_args *args,
             bool adds, size_t n));

ISA_DECLARE(void, map_to_half, (uint16_t * y, const float *x, size_t n));
ISA_DECLARE(void, map_from_half, (float *y, const uint16_t *x, size_t n));

// Maps under one window. Pointers are to the image's first element.
struct map_geometry {
    int h, w, c, oh, ow;
    struct window window;
};

// Row oh of weighted_pool; maximum and inverse are NULL or the saved maps.
struct weighted_rows {
    const float *x, *logits, *dy, *y;
    float *out, *maximum, *inverse; // forward writes them, backward reads the last two
    float *dx, *dlogits;            // NULL: not wanted
    bool dx_adds, dlogits_adds;
};
ISA_DECLARE(void, weighted_forward_row,
            (const struct map_geometry *map, const struct weighted_rows *rows, int oh));
ISA_DECLARE(void, weighted_backward_row,
            (const struct map_geometry *map, const struct weighted_rows *rows, int h));

// Rows of depthwise_conv2d: y; dx; the filter's gradient from row oh, (kh,kw,C) and the bias's (C),
// overwritten.
ISA_DECLARE(void, depthwise_row,
            (const struct map_geometry *map, const float *x, const float *w, const float *bias,
             float *y, int oh));
ISA_DECLARE(void, depthwise_dx_row,
            (const struct map_geometry *map, const float *dy, const float *w, float *dx, bool adds,
             int h));
ISA_DECLARE(void, depthwise_dw_row,
            (const struct map_geometry *map, const float *x, const float *dy, float *dw,
             float *dbias, int oh));

// y (+)= the sum of n_terms vectors of n floats, weight[k] times from[k]; without terms 0.
ISA_DECLARE(void, map_mix,
            (float *y, const float *const *from, const float *weight, int n_terms, bool adds,
             size_t n));

// Positions [begin, end) of a row of c floats each: out (+)= sum of the position's entries, weight
// times vector `index` of a row of which line holds those from `first` on. out: position 0.
enum { SPARSE_MAX_ENTRIES = 64 }; // of a position
struct sparse_axis {
    const int *begin; // entries of position i: begin[i] to begin[i + 1]
    const int *index;
    const float *weight;
};
ISA_DECLARE(void, sparse_line,
            (const struct sparse_axis *axis, const float *line, int first, float *out, bool adds,
             int begin, int end, int c));

#ifdef __cplusplus
}
#endif
#endif
