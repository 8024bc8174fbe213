#include "cpu/rows_hot.h"

#include "cpu/rows.h"

// Inlined with constant flags: the vectoriser sees straight loops.
static inline __attribute__((always_inline)) void mask_rows(const struct rows_mask *mask,
                                                            size_t begin, size_t end,
                                                            float *partial, bool has_mask,
                                                            bool has_copy, bool adds, bool has_sum)
{
    size_t n_channels = mask->n_channels;
    if (has_sum)
        for (size_t j = 0; j < n_channels; j++) partial[j] = 0.0f;
    for (size_t i = begin; i < end; i++) {
        float *restrict dy = mask->dy + i * n_channels;
        const float *restrict y = has_mask ? mask->y + i * n_channels : NULL;
        float *restrict copy = has_copy ? mask->copy + i * n_channels : NULL;
        float *restrict sum = partial;
        for (size_t j = 0; j < n_channels; j++) {
            float g = dy[j];
            if (has_mask) {
                g = y[j] > 0.0f ? g : 0.0f;
                dy[j] = g;
            }
            if (has_copy) copy[j] = adds ? copy[j] + g : g;
            if (has_sum) sum[j] += g;
        }
    }
}

void ISA_NAME(rows_mask_block)(const struct rows_mask *mask, size_t begin, size_t end,
                               float *partial)
{
    bool adds = mask->copy_beta != 0.0f;
    int kind = (mask->y ? 1 : 0) + (mask->copy ? 2 : 0) + (partial ? 4 : 0);
    switch (adds && mask->copy ? kind + 8 : kind) {
    case 0: break;
    case 1: mask_rows(mask, begin, end, partial, true, false, false, false); break;
    case 2: mask_rows(mask, begin, end, partial, false, true, false, false); break;
    case 3: mask_rows(mask, begin, end, partial, true, true, false, false); break;
    case 4: mask_rows(mask, begin, end, partial, false, false, false, true); break;
    case 5: mask_rows(mask, begin, end, partial, true, false, false, true); break;
    case 6: mask_rows(mask, begin, end, partial, false, true, false, true); break;
    case 7: mask_rows(mask, begin, end, partial, true, true, false, true); break;
    case 10: mask_rows(mask, begin, end, partial, false, true, true, false); break;
    case 11: mask_rows(mask, begin, end, partial, true, true, true, false); break;
    case 14: mask_rows(mask, begin, end, partial, false, true, true, true); break;
    default: mask_rows(mask, begin, end, partial, true, true, true, true); break;
    }
}

void ISA_NAME(rows_add_block)(float *restrict y, const float *restrict x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] += x[i];
}

void ISA_NAME(rows_scale_add_block)(float *restrict y, const float *restrict x, float scale,
                                    float beta, size_t n)
{
    if (beta != 0.0f)
        for (size_t i = 0; i < n; i++) y[i] += x[i] * scale;
    else
        for (size_t i = 0; i < n; i++) y[i] = x[i] * scale;
}

void ISA_NAME(rows_epilogue_block)(float *restrict y, const float *restrict bias,
                                   const float *restrict residual, bool relu, size_t n)
{
    if (bias)
        for (size_t j = 0; j < n; j++) y[j] += bias[j];
    if (residual)
        for (size_t j = 0; j < n; j++) y[j] += residual[j];
    if (relu)
        for (size_t j = 0; j < n; j++) y[j] = y[j] < 0.0f ? 0.0f : y[j];
}

void ISA_NAME(rows_relu_block)(float *restrict y, const float *restrict x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = x[i] < 0.0f ? 0.0f : x[i]; // NaN stays
}

void ISA_NAME(rows_relu_backward_block)(float *restrict dx, const float *restrict dy,
                                        const float *restrict y, float beta, size_t n)
{
    if (beta != 0.0f)
        for (size_t i = 0; i < n; i++) dx[i] += y[i] > 0.0f ? dy[i] : 0.0f;
    else
        for (size_t i = 0; i < n; i++) dx[i] = y[i] > 0.0f ? dy[i] : 0.0f;
}

void ISA_NAME(rows_sum_block)(float *restrict y, const float *restrict a, const float *restrict b,
                              size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] = a[i] + b[i];
}

void ISA_NAME(rows_gather_sum_block)(float *restrict y, float beta, const float *restrict x,
                                     size_t height, size_t width, size_t pitch, size_t n)
{
    if (beta == 0.0f)
        for (size_t i = 0; i < n; i++) y[i] = 0.0f;
    for (size_t row = 0; row < height; row++)
        for (size_t column = 0; column < width; column++) {
            const float *restrict from = x + row * pitch + column * n;
            for (size_t i = 0; i < n; i++) y[i] += from[i];
        }
}
