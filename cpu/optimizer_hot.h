// The optimiser's loops over flat buffers.
#ifndef TARN_CPU_OPTIMIZER_HOT_H
#define TARN_CPU_OPTIMIZER_HOT_H

#include <stddef.h>

#include "cpu/isa.h"
#include "nn/ops.h"

ISA_DECLARE(double, sum_squares_chunk, (const float *x, size_t n));

// `clip` is the c of sgd_step's formula in nn/ops.h.
ISA_DECLARE(void, sgd_chunk,
            (const struct sgd_args *args, float clip, size_t n, float *values, const float *grads,
             float *velocity));

#endif
