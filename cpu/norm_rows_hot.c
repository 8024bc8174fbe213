#include "cpu/norm_rows_hot.h"

// Twice over a block that stays in the cache: deviations from the block's own mean keep their
// digits, whatever the channel's mean is.
void ISA_NAME(norm_moments_block)(const float *restrict x, size_t n_rows, size_t n_channels,
                                  float *restrict mean, float *restrict m2)
{
    for (size_t j = 0; j < n_channels; j++) mean[j] = m2[j] = 0.0f;
    for (size_t i = 0; i < n_rows; i++)
        for (size_t j = 0; j < n_channels; j++) mean[j] += x[i * n_channels + j];
    float inverse = 1.0f / (float)n_rows;
    for (size_t j = 0; j < n_channels; j++) mean[j] *= inverse;
    for (size_t i = 0; i < n_rows; i++)
        for (size_t j = 0; j < n_channels; j++) {
            float deviation = x[i * n_channels + j] - mean[j];
            m2[j] += deviation * deviation;
        }
}

static inline __attribute__((always_inline)) void apply_rows(const struct norm_apply *apply,
                                                             size_t begin, size_t end,
                                                             bool has_residual, bool relu)
{
    size_t n = apply->n_channels;
    const float *restrict mean = apply->mean, *restrict a = apply->a, *restrict b = apply->b;
    for (size_t i = begin; i < end; i++) {
        const float *restrict x = apply->x + i * n;
        const float *restrict residual = has_residual ? apply->residual + i * n : NULL;
        float *restrict y = apply->y + i * n;
        for (size_t j = 0; j < n; j++) {
            float value = (x[j] - mean[j]) * a[j] + b[j];
            if (has_residual) value += residual[j];
            if (relu) value = value < 0.0f ? 0.0f : value;
            y[j] = value;
        }
    }
}

void ISA_NAME(norm_apply_block)(const struct norm_apply *apply, size_t begin, size_t end)
{
    if (apply->residual && apply->relu) apply_rows(apply, begin, end, true, true);
    else if (apply->residual) apply_rows(apply, begin, end, true, false);
    else if (apply->relu) apply_rows(apply, begin, end, false, true);
    else apply_rows(apply, begin, end, false, false);
}

static inline __attribute__((always_inline)) void sum_rows(const struct norm_sums *sums,
                                                           size_t begin, size_t end,
                                                           float *restrict sum,
                                                           float *restrict sum_x, bool has_mask,
                                                           bool has_residual, bool adds)
{
    size_t n = sums->n_channels;
    const float *restrict mean = sums->mean;
    for (size_t j = 0; j < n; j++) sum[j] = sum_x[j] = 0.0f;
    for (size_t i = begin; i < end; i++) {
        const float *restrict x = sums->x + i * n, *restrict y = has_mask ? sums->y + i * n : NULL;
        float *restrict dy = sums->dy + i * n;
        float *restrict dresidual = has_residual ? sums->dresidual + i * n : NULL;
        for (size_t j = 0; j < n; j++) {
            float g = dy[j];
            if (has_mask) {
                g = y[j] > 0.0f ? g : 0.0f;
                dy[j] = g;
            }
            if (has_residual) dresidual[j] = adds ? dresidual[j] + g : g;
            sum[j] += g;
            sum_x[j] += g * (x[j] - mean[j]);
        }
    }
}

void ISA_NAME(norm_sums_block)(const struct norm_sums *sums, size_t begin, size_t end, float *sum,
                               float *sum_x)
{
    bool adds = sums->beta != 0.0f;
    if (!sums->dresidual && !sums->y) sum_rows(sums, begin, end, sum, sum_x, false, false, false);
    else if (!sums->dresidual) sum_rows(sums, begin, end, sum, sum_x, true, false, false);
    else if (!sums->y && !adds) sum_rows(sums, begin, end, sum, sum_x, false, true, false);
    else if (!sums->y) sum_rows(sums, begin, end, sum, sum_x, false, true, true);
    else if (!adds) sum_rows(sums, begin, end, sum, sum_x, true, true, false);
    else sum_rows(sums, begin, end, sum, sum_x, true, true, true);
}

void ISA_NAME(norm_dx_block)(const struct norm_dx *args, size_t begin, size_t end)
{
    size_t n = args->n_channels;
    const float *restrict mean = args->mean, *restrict p = args->p, *restrict q = args->q,
                *restrict r = args->r;
    for (size_t i = begin; i < end; i++) {
        const float *restrict x = args->x + i * n, *restrict dy = args->dy + i * n;
        float *restrict dx = args->dx + i * n;
        if (args->beta != 0.0f)
            for (size_t j = 0; j < n; j++) dx[j] += dy[j] * p[j] + q[j] + (x[j] - mean[j]) * r[j];
        else
            for (size_t j = 0; j < n; j++) dx[j] = dy[j] * p[j] + q[j] + (x[j] - mean[j]) * r[j];
    }
}
