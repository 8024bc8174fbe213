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

// What adamw_step's formula has from the step: lr / (1 - beta1^step), 1 / sqrt(1 - beta2^step) and
// 1 - lr * decay. The moments are not read when is_first.
struct adamw_chunk {
    const struct adamw_args *args;
    float clip, rate, correction, keep;
    bool is_first;
};
ISA_DECLARE(void, adamw_chunk,
            (const struct adamw_chunk *chunk, size_t n, float *values, const float *grads,
             float *first, float *second));

#endif
