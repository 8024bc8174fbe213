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

// Inlined with constant n_terms and adds: one pass over up to four vectors.
static inline __attribute__((always_inline)) void mix_some(float *restrict y,
                                                           const float *const *from,
                                                           const float *weight, int n_terms,
                                                           bool adds, size_t n)
{
    const float *restrict a[4];
    float w[4];
    for (int k = 0; k < n_terms; k++) {
        a[k] = from[k];
        w[k] = weight[k];
    }
    for (size_t i = 0; i < n; i++) {
        float sum = w[0] * a[0][i];
        for (int k = 1; k < n_terms; k++) sum = vec_fma(w[k], a[k][i], sum);
        y[i] = adds ? y[i] + sum : sum;
    }
}

void ISA_NAME(map_mix)(float *y, const float *const *from, const float *weight, int n_terms,
                       bool adds, size_t n)
{
    if (n_terms == 0 && !adds)
        for (size_t i = 0; i < n; i++) y[i] = 0.0f;
    for (int k = 0; k < n_terms; k += 4) {
        int some = n_terms - k < 4 ? n_terms - k : 4;
        switch (some + (adds || k > 0 ? 4 : 0)) {
        case 1:
            mix_some(y, from + k, weight + k, 1, false, n);
            break;
        case 2:
            mix_some(y, from + k, weight + k, 2, false, n);
            break;
        case 3:
            mix_some(y, from + k, weight + k, 3, false, n);
            break;
        case 4:
            mix_some(y, from + k, weight + k, 4, false, n);
            break;
        case 5:
            mix_some(y, from + k, weight + k, 1, true, n);
            break;
        case 6:
            mix_some(y, from + k, weight + k, 2, true, n);
            break;
        case 7:
            mix_some(y, from + k, weight + k, 3, true, n);
            break;
        default:
            mix_some(y, from + k, weight + k, 4, true, n);
            break;
        }
    }
}

void ISA_NAME(sparse_line)(const struct sparse_axis *axis, const float *line, int first, float *out,
                           bool adds, int begin, int end, int c)
{
    for (int i = begin; i < end; i++) {
        const float *from[SPARSE_MAX_ENTRIES];
        int entry = axis->begin[i], n = axis->begin[i + 1] - entry;
        for (int k = 0; k < n; k++)
            from[k] = line + (size_t)(axis->index[entry + k] - first) * (size_t)c;
        ISA_NAME(map_mix)
        (out + (size_t)i * (size_t)c, from, axis->weight + entry, n, adds, (size_t)c);
    }
}
