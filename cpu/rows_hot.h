// The single-threaded loops of rows.c, compiled for several instruction sets.
#ifndef TARN_CPU_ROWS_HOT_H
#define TARN_CPU_ROWS_HOT_H

#include <stdbool.h>
#include <stddef.h>

#include "cpu/isa.h"

#ifdef __cplusplus
extern "C" {
#endif

struct rows_mask;

// Rows [begin, end) of *mask; partial (C) receives their sum, NULL where none is wanted.
ISA_DECLARE(void, rows_mask_block,
            (const struct rows_mask *mask, size_t begin, size_t end, float *partial));
ISA_DECLARE(void, rows_epilogue_block,
            (float *y, const float *bias, const float *residual, bool relu, size_t n));
ISA_DECLARE(void, rows_add_block, (float *y, const float *x, size_t n));
ISA_DECLARE(void, rows_scale_add_block,
            (float *y, const float *x, float scale, float beta, size_t n));

ISA_DECLARE(void, rows_relu_block, (float *y, const float *x, size_t n));
ISA_DECLARE(void, rows_relu_backward_block,
            (float *dx, const float *dy, const float *y, float beta, size_t n));
ISA_DECLARE(void, rows_sum_block, (float *y, const float *a, const float *b, size_t n));
ISA_DECLARE(void, rows_gather_sum_block,
            (float *y, float beta, const float *x, size_t height, size_t width, size_t pitch,
             size_t n));

#ifdef __cplusplus
}
#endif
#endif
