#include "cpu/map_hot.h"

#include "cpu/vec_math.h"
#include "nn/ops_map.h"

void ISA_NAME(map_add)(float *restrict y, const float *restrict x, float a, bool adds, size_t n)
{
    if (adds)
        for (size_t i = 0; i < n; i++) y[i] = vec_fma(a, x[i], y[i]);
    else
        for (size_t i = 0; i < n; i++) y[i] = a * x[i];
}

void ISA_NAME(map_logistic)(float *restrict y, const float *restrict x,
                            const struct logistic_args *args, size_t n)
{
    float slope = args->slope, scale = args->scale, shift = args->shift;
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        // The exponential of a negative number cannot overflow.
        float z = slope * x[i], e = vec_expf(z > 0.0f ? -z : z);
        y[i] = vec_fma(scale, (z > 0.0f ? 1.0f : e) / (1.0f + e), shift);
    }
}

void ISA_NAME(map_logistic_backward)(float *restrict dx, const float *restrict dy,
                                     const float *restrict y, const struct logistic_args *args,
                                     bool adds, size_t n)
{
    float inverse = 1.0f / args->scale, factor = args->slope * args->scale, shift = args->shift;
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float s = (y[i] - shift) * inverse, g = dy[i] * (factor * s * (1.0f - s));
        dx[i] = adds ? dx[i] + g : g;
    }
}

void ISA_NAME(map_to_half)(uint16_t *restrict y, const float *restrict x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = (uint32_t)vec_to_bits(x[i]);
        uint32_t rounded = (bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16;
        y[i] = (uint16_t)(x[i] == x[i] ? rounded : (bits >> 16 | 0x40u));
    }
}

void ISA_NAME(map_from_half)(float *restrict y, const uint16_t *restrict x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = vec_from_bits((int32_t)((uint32_t)x[i] << 16));
}

void ISA_NAME(sparse_line)(const struct sparse_axis *axis, const float *restrict line,
                           float *restrict out, bool adds, int n, int c)
{
    for (int i = 0; i < n; i++) {
        float *restrict to = out + (size_t)i * (size_t)c;
        if (!adds)
            for (int j = 0; j < c; j++) to[j] = 0.0f;
        for (int k = axis->begin[i]; k < axis->begin[i + 1]; k++) {
            const float *restrict from = line + (size_t)axis->index[k] * (size_t)c;
            float weight = axis->weight[k];
            for (int j = 0; j < c; j++) to[j] = vec_fma(weight, from[j], to[j]);
        }
    }
}
