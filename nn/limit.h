// Moves values to where they have a meaning (nn/ops.h, limit_values). Valid as C17 and CUDA C++.
#ifndef TARN_NN_LIMIT_H
#define TARN_NN_LIMIT_H

#include <stddef.h>

#include "base/both.h"

// A NaN stays.
BOTH_INLINE float limit_value(float value, float low, float high)
{
    return value < low ? low : value > high ? high : value;
}

// Makes the n numbers v[0], v[stride], v[2 * stride], ... >= 0 and their sum 1.
BOTH_INLINE void limit_simplex(float *v, size_t n, size_t stride)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        if (!(v[i * stride] > 0.0f)) v[i * stride] = 0.0f;
        sum += (double)v[i * stride];
    }
    for (size_t i = 0; i < n; i++)
        v[i * stride] = sum > 0.0 ? (float)((double)v[i * stride] / sum) : 1.0f / (float)n;
}

#endif
