#include "cpu/select_detections_hot.h"

int64_t ISA_NAME(select_next_block)(const float *logits, int64_t begin, int64_t end, float cutoff)
{
    for (; begin < end; begin += SELECT_BLOCK) {
        int64_t n = end - begin < SELECT_BLOCK ? end - begin : SELECT_BLOCK;
        const float *x = logits + begin;
        int is_above = 0;
#pragma omp simd reduction(| : is_above)
        for (int64_t i = 0; i < n; i++) is_above |= x[i] > cutoff;
        if (is_above) return begin;
    }
    return end;
}
