// bf16 as CUDA's header has it, for the launch emulator.
#ifndef TARN_TESTS_EMULATOR_CUDA_BF16_H
#define TARN_TESTS_EMULATOR_CUDA_BF16_H

#include "cuda_runtime.h"

struct __nv_bfloat16 {
    unsigned short bits;
};

static inline float __bfloat162float(__nv_bfloat16 x)
{
    return __uint_as_float((unsigned)x.bits << 16);
}

// To the nearest, ties to even. What is not a number becomes 0x7FFF, as on the GPU.
static inline __nv_bfloat16 __float2bfloat16_rn(float x)
{
    unsigned bits = __float_as_uint(x);
    if (x != x) return {0x7FFF};
    return {(unsigned short)((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16)};
}

#endif
