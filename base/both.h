// Functions that the host and the GPU share. Valid as C17 and CUDA C++.
#ifndef TARN_BASE_BOTH_H
#define TARN_BASE_BOTH_H

#ifdef __CUDACC__
#define BOTH_INLINE static inline __host__ __device__
#else
#define BOTH_INLINE static inline
#endif

#endif
