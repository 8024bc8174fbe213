#include "cpu/optimizer_hot.h"

#include <math.h>

double ISA_NAME(sum_squares_chunk)(const float *x, size_t n)
{
    double sum = 0.0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
    return sum;
}

void ISA_NAME(sgd_chunk)(const struct sgd_args *args, float clip, size_t n, float *values,
                         const float *grads, float *velocity)
{
    float lr = args->lr, momentum = args->momentum, decay = args->weight_decay;
    // On the first step velocity may hold anything, NaN included: it is not read.
    if (args->first_step) {
#pragma omp simd
        for (size_t i = 0; i < n; i++) velocity[i] = clip * grads[i] + decay * values[i];
    } else {
#pragma omp simd
        for (size_t i = 0; i < n; i++)
            velocity[i] = momentum * velocity[i] + (clip * grads[i] + decay * values[i]);
    }
    if (args->nesterov) {
#pragma omp simd
        for (size_t i = 0; i < n; i++)
            values[i] -= lr * (clip * grads[i] + decay * values[i] + momentum * velocity[i]);
    } else {
#pragma omp simd
        for (size_t i = 0; i < n; i++) values[i] -= lr * velocity[i];
    }
}

void ISA_NAME(adamw_chunk)(const struct adamw_args *args, const struct adamw_factors *factors,
                           float clip, size_t n, float *values, const float *grads, float *first,
                           float *second)
{
    float beta1 = args->beta1, beta2 = args->beta2, eps = args->eps;
    float rate = factors->rate, correction = factors->correction, keep = factors->keep;
    bool is_first = factors->is_first;
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float g = clip * grads[i];
        float m = (is_first ? 0.0f : beta1 * first[i]) + (1.0f - beta1) * g;
        float v = (is_first ? 0.0f : beta2 * second[i]) + (1.0f - beta2) * (g * g);
        first[i] = m;
        second[i] = v;
        values[i] = keep * values[i] - rate * m / (sqrtf(v) * correction + eps);
    }
}
