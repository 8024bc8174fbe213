// Vectors of floats for the maths of pooling windows: a `lanes` holds as many neighbouring channels
// as the file's instruction set takes at once. The operators + - * / work on lanes and on lanes
// with a float; comparisons and choices are functions. Valid as C17 (with the vector extension of
// gcc and clang) and CUDA C++: on the GPU, where a thread has one channel, a `lanes` is a float.
//
// The width differs between files compiled for different instruction sets: no lanes in interfaces
// between files.
#ifndef TARN_CPU_LANES_H
#define TARN_CPU_LANES_H

#include "cpu/vec_math.h"

#ifdef __CUDACC__

enum { N_LANES = 1 };
typedef float lanes;
typedef int lane_mask;

VEC_INLINE lanes lane_all(float x)
{
    return x;
}

VEC_INLINE lane_mask lane_greater(lanes a, lanes b)
{
    return a > b;
}

VEC_INLINE lane_mask lane_equal(lanes a, lanes b)
{
    return a == b;
}

VEC_INLINE lane_mask lane_both(lane_mask a, lane_mask b)
{
    return a & b;
}

VEC_INLINE lane_mask lane_either(lane_mask a, lane_mask b)
{
    return a | b;
}

VEC_INLINE lane_mask lane_not(lane_mask a)
{
    return !a;
}

VEC_INLINE int lane_all_set(lane_mask mask)
{
    return mask;
}

VEC_INLINE lanes lane_select(lane_mask mask, lanes where_set, lanes otherwise)
{
    return mask ? where_set : otherwise;
}

VEC_INLINE lanes lane_fma(lanes a, lanes b, lanes c)
{
    return vec_fma(a, b, c);
}

VEC_INLINE lanes lane_exp2(lanes x)
{
    return exp2f(x);
}

VEC_INLINE lanes lane_exp2_near(lanes x)
{
    return exp2f(x);
}

VEC_INLINE lanes lane_log2(lanes x)
{
    return log2f(x);
}

VEC_INLINE float lane_sum(lanes x)
{
    return x;
}

#else

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
enum { N_LANES = 16 };
#elif defined(__AVX__)
enum { N_LANES = 8 };
#else
enum { N_LANES = 4 };
#endif
typedef float lanes __attribute__((vector_size(4 * N_LANES)));
typedef int32_t lane_ints __attribute__((vector_size(4 * N_LANES)));
typedef uint16_t lane_halves __attribute__((vector_size(2 * N_LANES)));
typedef uint8_t lane_bytes __attribute__((vector_size(N_LANES)));

VEC_INLINE lanes lane_all(float x)
{
    return (lanes){0} + x;
}

#if defined(__AVX512F__)
typedef __mmask16 lane_mask;

VEC_INLINE lane_mask lane_greater(lanes a, lanes b)
{
    return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_GT_OQ);
}

VEC_INLINE lane_mask lane_equal(lanes a, lanes b)
{
    return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_EQ_OQ);
}

VEC_INLINE lane_mask lane_both(lane_mask a, lane_mask b)
{
    return (lane_mask)(a & b);
}

VEC_INLINE lane_mask lane_either(lane_mask a, lane_mask b)
{
    return (lane_mask)(a | b);
}

VEC_INLINE lane_mask lane_not(lane_mask a)
{
    return (lane_mask)~a;
}

VEC_INLINE int lane_all_set(lane_mask mask)
{
    return mask == 0xFFFF;
}

VEC_INLINE lanes lane_select(lane_mask mask, lanes where_set, lanes otherwise)
{
    return (lanes)_mm512_mask_blend_ps(mask, (__m512)otherwise, (__m512)where_set);
}
#else
typedef lane_ints lane_mask;

VEC_INLINE lane_mask lane_greater(lanes a, lanes b)
{
    return (lane_mask)(a > b);
}

VEC_INLINE lane_mask lane_equal(lanes a, lanes b)
{
    return (lane_mask)(a == b);
}

VEC_INLINE lane_mask lane_both(lane_mask a, lane_mask b)
{
    return a & b;
}

VEC_INLINE lane_mask lane_either(lane_mask a, lane_mask b)
{
    return a | b;
}

VEC_INLINE lane_mask lane_not(lane_mask a)
{
    return ~a;
}

VEC_INLINE int lane_all_set(lane_mask mask)
{
    int32_t all = -1;
    for (int i = 0; i < N_LANES; i++) all &= mask[i];
    return all;
}

VEC_INLINE lanes lane_select(lane_mask mask, lanes where_set, lanes otherwise)
{
    return (lanes)((mask & (lane_ints)where_set) | (~mask & (lane_ints)otherwise));
}
#endif

// a * b + c, fused where the instruction set has it.
VEC_INLINE lanes lane_fma(lanes a, lanes b, lanes c)
{
#if defined(__AVX512F__)
    return (lanes)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__FMA__)
    return (lanes)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
    return a * b + c;
#endif
}

// 2^x for -125 <= x <= 126 (or NaN), at most 3 ulp off; exactly 1 at 0. As vec_exp2f_falling.
VEC_INLINE lanes lane_exp2_near(lanes x)
{
#if defined(__AVX512DQ__)
    lanes r = (lanes)_mm512_reduce_ps((__m512)x, 0); // x less the nearest integer
#else
    lanes shifted = x + 12582912.0f; // 1.5 * 2^23: adding it rounds to an integer
    lanes r = x - (shifted - 12582912.0f);
#endif
    lanes p = lane_fma(r, lane_all(0x1.5bb92ap-10f), lane_all(0x1.3ceb6cp-7f));
    p = lane_fma(p, r, lane_all(0x1.c6b75ap-5f));
    p = lane_fma(p, r, lane_all(0x1.ebf9bap-3f));
    p = lane_fma(p, r, lane_all(0x1.62e42ap-1f));
    p = lane_fma(p, r, lane_all(1.0f));
#if defined(__AVX512DQ__)
    __m512 k = _mm512_roundscale_ps((__m512)x, 0);
    return (lanes)_mm512_scalef_ps((__m512)p, k);
#else
    return (lanes)((lane_ints)p + ((lane_ints)shifted << 23));
#endif
}

// 2^x: below -125 as at -125, above 126 as at 126.
VEC_INLINE lanes lane_exp2(lanes x)
{
    x = lane_select(lane_greater(lane_all(-125.0f), x), lane_all(-125.0f), x);
    x = lane_select(lane_greater(x, lane_all(126.0f)), lane_all(126.0f), x);
    return lane_exp2_near(x);
}

// log2(x) for x > 0 that is no subnormal; at 0 about -127; NaN for NaN.
VEC_INLINE lanes lane_log2(lanes x)
{
    // exponent such that the mantissa lies in [sqrt(1/2), sqrt(2))
    lane_ints bits = (lane_ints)x;
    lane_ints e = (bits - 0x3F3504F3) >> 23;
    lanes f = (lanes)(bits - (e << 23)) - 1.0f;
    // log(1 + f) = 2 atanh(s) = f - (f^2/2 - s (f^2/2 + R(s^2)))
    lanes s = f / (f + 2.0f), z = s * s;
    lanes tail = z * lane_fma(z, lane_fma(z, lane_all(0.29873075f), lane_all(0.39977496f)),
                              lane_all(0.66666777f));
    lanes half_square = f * f * 0.5f;
    lanes natural = f - (half_square - s * (half_square + tail));
    lanes value = lane_fma(natural, lane_all(1.44269504f), __builtin_convertvector(e, lanes));
    return value + (x - x);
}

VEC_INLINE float lane_sum(lanes x)
{
    float sum = 0.0f;
    for (int i = 0; i < N_LANES; i++) sum += x[i];
    return sum;
}

VEC_INLINE lanes lane_load(const float *from)
{
    lanes x;
    memcpy(&x, from, sizeof x);
    return x;
}

VEC_INLINE void lane_store(float *to, lanes x)
{
    memcpy(to, &x, sizeof x);
}

// Past the caches (cpu/stream.h); `to` is aligned to the lanes.
VEC_INLINE void lane_stream(float *to, lanes x)
{
#if defined(__AVX512F__)
    _mm512_stream_ps(to, (__m512)x);
#elif defined(__AVX__)
    _mm256_stream_ps(to, (__m256)x);
#elif defined(__SSE2__)
    _mm_stream_ps(to, (__m128)x);
#else
    lane_store(to, x);
#endif
}

VEC_INLINE lane_bytes lane_to_bytes(lanes x) // of whole numbers 0 to 255
{
#if defined(__AVX512F__)
    return (lane_bytes)_mm512_cvtepi32_epi8(_mm512_cvttps_epi32((__m512)x));
#else
    return __builtin_convertvector(__builtin_convertvector(x, lane_ints), lane_bytes);
#endif
}

typedef uint32_t lane_words __attribute__((vector_size(4 * N_LANES)));

VEC_INLINE lanes lane_from_halves(lane_halves halves)
{
#if defined(__AVX512F__) // gcc 12 takes the conversion apart
    return (lanes)((lane_words)_mm512_cvtepu16_epi32((__m256i)halves) << 16);
#elif defined(__AVX2__)
    return (lanes)((lane_words)_mm256_cvtepu16_epi32((__m128i)halves) << 16);
#else
    return (lanes)(__builtin_convertvector(halves, lane_words) << 16);
#endif
}

// To the nearest, ties to even; NaN stays NaN.
VEC_INLINE lane_halves lane_to_halves(lanes x)
{
    lane_words bits = (lane_words)x;
    lane_words rounded = (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
    lane_words quiet = (bits >> 16) | 0x40u;
    lane_words chosen = (lane_words)lane_select(lane_equal(x, x), (lanes)rounded, (lanes)quiet);
#if defined(__AVX512F__)
    return (lane_halves)_mm512_cvtepi32_epi16((__m512i)chosen);
#else
    return __builtin_convertvector(chosen, lane_halves);
#endif
}

#endif

VEC_INLINE lanes lane_larger(lanes a, lanes b) // b where one of them is NaN
{
    return lane_select(lane_greater(a, b), a, b);
}

VEC_INLINE lanes lane_smaller(lanes a, lanes b)
{
    return lane_select(lane_greater(b, a), a, b);
}

VEC_INLINE lanes lane_abs(lanes x)
{
    return lane_select(lane_greater(lane_all(0.0f), x), -x, x);
}

#endif
