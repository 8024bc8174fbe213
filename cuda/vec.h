// Loads and stores of N neighbouring elements as floats, in accesses of up to 16 bytes.
// The address must be a multiple of the access: of N * sizeof(T), or of 16 where that is more.
#ifndef TARN_CUDA_VEC_H
#define TARN_CUDA_VEC_H

#include <stddef.h>
#include <string.h>

#include "cuda/bf16.h"
#include "cuda/launch.h"
#include "nn/tensor.h"

// Elements of the 16 bytes that one access takes best: 4 floats, 8 bf16.
template <typename T> struct vec_width {
    enum { value = 16 / sizeof(T) };
};

template <int BYTES> struct vec_piece;
template <> struct vec_piece<1> {
    typedef unsigned char type;
};
template <> struct vec_piece<2> {
    typedef unsigned short type;
};
template <> struct vec_piece<4> {
    typedef unsigned type;
};
template <> struct vec_piece<8> {
    typedef uint2 type;
};
template <> struct vec_piece<16> {
    typedef uint4 type;
};

// Copies N elements between memory and registers.
template <int N, typename T> static __device__ inline void vec_copy(T *to, const T *from)
{
    enum { BYTES = N * (int)sizeof(T), PIECE = BYTES < 16 ? BYTES : 16 };
    typedef typename vec_piece<PIECE>::type piece;
#pragma unroll
    for (int i = 0; i < BYTES / PIECE; i++) ((piece *)to)[i] = ((const piece *)from)[i];
}

template <int N, typename T> static __device__ inline void vec_load(float *to, const T *from)
{
    alignas(16) T raw[N];
    vec_copy<N>(raw, from);
#pragma unroll
    for (int i = 0; i < N; i++) to[i] = to_float(raw[i]);
}

template <int N, typename T> static __device__ inline void vec_store(T *to, const float *from)
{
    alignas(16) T raw[N];
#pragma unroll
    for (int i = 0; i < N; i++) from_float(&raw[i], from[i]);
    vec_copy<N>(to, raw);
}

// to = beta * to + from, where beta is 0 or 1; with 0 what `to` holds is not read.
template <int N, typename T>
static __device__ inline void vec_accumulate(T *to, const float *from, bool adds)
{
    float sum[N];
#pragma unroll
    for (int i = 0; i < N; i++) sum[i] = from[i];
    if (adds) {
        float old[N];
        vec_load<N>(old, to);
#pragma unroll
        for (int i = 0; i < N; i++) sum[i] += old[i];
    }
    vec_store<N>(to, sum);
}

// Runs the statements with T as float or bf16:
//     VEC_DTYPE(x->dtype, T, { CUDA_LAUNCH(relu_kernel<T>, ...); });
#define VEC_DTYPE(dtype_, T, ...)                                                                  \
    do {                                                                                           \
        if ((dtype_) == DTYPE_BF16) {                                                              \
            typedef bf16 T;                                                                        \
            __VA_ARGS__                                                                            \
        } else {                                                                                   \
            typedef float T;                                                                       \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    } while (0)

// Runs the statements with N as `width`, or as 1 where n is no multiple of that.
#define VEC_WIDTH(n, width, N, ...)                                                                \
    do {                                                                                           \
        if ((n) % (width) == 0) {                                                                  \
            enum { N = (width) };                                                                  \
            __VA_ARGS__                                                                            \
        } else {                                                                                   \
            enum { N = 1 };                                                                        \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    } while (0)

#endif
