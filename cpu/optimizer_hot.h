// The optimiser's loops over flat buffers.
#ifndef TARN_CPU_OPTIMIZER_HOT_H
#define TARN_CPU_OPTIMIZER_HOT_H

#include <stddef.h>

#include "cpu/isa.h"
#include "nn/step_factors.h"

ISA_DECLARE(double, sum_squares_chunk, (const float *x, size_t n));

// `clip` is step_clip's.
ISA_DECLARE(void, sgd_chunk,
            (const struct sgd_args *args, float clip, size_t n, float *values, const float *grads,
             float *velocity));

ISA_DECLARE(void, adamw_chunk,
            (const struct adamw_args *args, const struct adamw_factors *factors, float clip,
             size_t n, float *values, const float *grads, float *first, float *second));

#endif
