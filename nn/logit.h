// Scores of logits, in float. Valid as C17 and CUDA C++.
#ifndef TARN_NN_LOGIT_H
#define TARN_NN_LOGIT_H

#include "nn/box_coder.h"

BOTH_INLINE float sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

// A logit below which the computed sigmoid is certainly less than `score`: the margin is several
// times the rounding error of sigmoid() on any backend.
static inline float logit_below(float score)
{
    double p = (double)score * (1.0 - 1e-6);
    if (!(p > 0.0)) return -INFINITY;
    if (p >= 1.0) return INFINITY;
    float logit = (float)log(p / (1.0 - p));
    return nextafterf(logit, -INFINITY);
}

#endif
