// For the window maths in backbone/pool/*.h, valid as C17 and CUDA C++: the loops of the CPU and
// the kernels of the GPU include the same functions.
#ifndef TARN_BACKBONE_POOL_MATH_H
#define TARN_BACKBONE_POOL_MATH_H

#include "cpu/lanes.h"

#ifdef __CUDACC__
#define POOL_INLINE static inline __device__
#define POOL_UNROLL _Pragma("unroll")
#else
#define POOL_INLINE VEC_INLINE
#define POOL_UNROLL _Pragma("GCC unroll 9")
#endif

#endif
