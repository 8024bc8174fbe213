// bf16 in kernels: a storage type only, all arithmetic is float.
#ifndef TARN_CUDA_BF16_H
#define TARN_CUDA_BF16_H

#include <cuda_bf16.h>

typedef __nv_bfloat16 bf16;

static __device__ inline float to_float(float x)
{
    return x;
}

static __device__ inline float to_float(bf16 x)
{
    return __bfloat162float(x);
}

// To the nearest, ties to even; NaN stays NaN.
static __device__ inline void from_float(float *to, float x)
{
    *to = x;
}

static __device__ inline void from_float(bf16 *to, float x)
{
    *to = __float2bfloat16_rn(x);
}

#endif
