// What an optimiser's formula (nn/ops.h) has from its step alone. Valid as C17 and CUDA C++.
#ifndef TARN_NN_STEP_FACTORS_H
#define TARN_NN_STEP_FACTORS_H

#include <math.h>

#include "base/both.h"
#include "nn/ops.h"

// What gradients are multiplied by so that their norm is at most max_norm, c in sgd_step's formula;
// norm_squared NULL: 1.
BOTH_INLINE float step_clip(const float *norm_squared, float max_norm)
{
    if (!norm_squared) return 1.0f;
    float clip = max_norm / (sqrtf(*norm_squared) + 1e-6f);
    return clip > 1.0f ? 1.0f : clip; // a NaN norm stays NaN
}

struct adamw_factors {
    float rate;       // lr / (1 - beta1^step)
    float correction; // 1 / sqrt(1 - beta2^step)
    float keep;       // 1 - lr * decay
    bool is_first;    // the moments may hold anything: they are not read
};

static inline struct adamw_factors adamw_factors_of(const struct adamw_args *args)
{
    double step = (double)args->step, lr = (double)args->lr;
    struct adamw_factors factors;
    factors.rate = (float)(lr / (1.0 - pow((double)args->beta1, step)));
    factors.correction = (float)(1.0 / sqrt(1.0 - pow((double)args->beta2, step)));
    factors.keep = (float)(1.0 - lr * (double)args->weight_decay);
    factors.is_first = args->step == 1;
    return factors;
}

#endif
