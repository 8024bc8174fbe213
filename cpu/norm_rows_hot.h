// The single-threaded loops of norm_rows.c, compiled for several instruction sets.
#ifndef TARN_CPU_NORM_ROWS_HOT_H
#define TARN_CPU_NORM_ROWS_HOT_H

#include "cpu/isa.h"
#include "cpu/norm_rows.h"

#ifdef __cplusplus
extern "C" {
#endif

// The block's mean and sum of squared deviations from it.
ISA_DECLARE(void, norm_moments_block,
            (const float *x, size_t n_rows, size_t n_channels, float *mean, float *m2));
// Rows [begin, end) of the structs.
ISA_DECLARE(void, norm_apply_block, (const struct norm_apply *apply, size_t begin, size_t end));
ISA_DECLARE(void, norm_sums_block,
            (const struct norm_sums *sums, size_t begin, size_t end, float *sum, float *sum_x));
ISA_DECLARE(void, norm_dx_block, (const struct norm_dx *dx, size_t begin, size_t end));

#ifdef __cplusplus
}
#endif
#endif
