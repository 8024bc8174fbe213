// Lists of RoIs (nn/ops_rcnn.h) in kernels: their number stands in device memory and is never
// fetched by the host.
#ifndef TARN_CUDA_LIST_H
#define TARN_CUDA_LIST_H

#include "cuda/launch.h"
#include "nn/tensor.h"

// The number's address for list_count; NULL: all rows hold something.
static inline const int32_t *list_count_of(const struct tensor *count)
{
    return count ? (const int32_t *)count->data : NULL;
}

// How many of `capacity` rows hold something.
static __device__ inline int64_t list_count(const int32_t *count, int64_t capacity)
{
    if (!count) return capacity;
    int64_t n = *count;
    return n < 0 ? 0 : n < capacity ? n : capacity;
}

#endif
