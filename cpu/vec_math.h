// exp, log and relatives in float that a compiler can vectorise: straight-line code without calls
// or branches. At most 2 ulp from the exact value where nothing else is said
// (tests/ops/vec_math.c).
// Valid as C17 and CUDA C++, where they are the device's own functions.
#ifndef TARN_CPU_VEC_MATH_H
#define TARN_CPU_VEC_MATH_H

#include <math.h>

#ifdef __CUDACC__

#define VEC_INLINE static inline __device__

VEC_INLINE float vec_fma(float a, float b, float c)
{
    return fmaf(a, b, c);
}

VEC_INLINE float vec_expf(float x)
{
    return expf(x);
}

VEC_INLINE float vec_exp2f_falling(float x)
{
    return exp2f(x);
}

VEC_INLINE float vec_logf(float x)
{
    return logf(x);
}

VEC_INLINE float vec_log1pf_unit(float x)
{
    return log1pf(x);
}

#else

#include <stdint.h>
#include <string.h>

#if defined(__GNUC__)
#define VEC_INLINE static inline __attribute__((always_inline))
#else
#define VEC_INLINE static inline
#endif

// a * b + c, fused where the instruction set has it: fmaf would be a library call elsewhere.
VEC_INLINE float vec_fma(float a, float b, float c)
{
#ifdef __FMA__
    return __builtin_fmaf(a, b, c);
#else
    return a * b + c;
#endif
}

VEC_INLINE float vec_from_bits(int32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

VEC_INLINE int32_t vec_to_bits(float value)
{
    int32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

// exp(x) for every x: 0 below -104, infinity above 88.73, NaN for NaN, subnormals included.
VEC_INLINE float vec_expf(float x)
{
    const float round_magic = 12582912.0f; // 1.5 * 2^23: adding it rounds to an integer
    x = x < -104.0f ? -104.0f : x;
    x = x > 89.0f ? 89.0f : x;
    float shifted = vec_fma(x, 1.44269504f, round_magic);
    float k = shifted - round_magic;
    // ln 2 in two parts, the first with trailing zero bits, so that k * high is exact.
    float r = vec_fma(k, -0.693145752f, x);
    r = vec_fma(k, -1.42860677e-6f, r);
    // (exp(r) - 1 - r) / r^2 on |r| <= ln(2) / 2, relative error of exp 3e-9
    float p = vec_fma(r, 0x1.6a2352p-10f, 0x1.123a6cp-7f);
    p = vec_fma(p, r, 0x1.5558f4p-5f);
    p = vec_fma(p, r, 0x1.55549p-3f);
    p = vec_fma(p, r, 0x1.fffffcp-2f);
    p = vec_fma(p, r * r, r) + 1.0f;
    // 2^n as a product of two factors, either of which is a normal number.
    int32_t n = vec_to_bits(shifted) - 0x4B400000, half = n >> 1;
    float low = vec_from_bits((int32_t)((uint32_t)(half + 127) << 23));
    float high = vec_from_bits((int32_t)((uint32_t)(n - half + 127) << 23));
    return p * low * high;
}

// 2^x for -125 <= x <= 0 (or NaN), at most 3 ulp off and much cheaper; exactly 1 at 0.
VEC_INLINE float vec_exp2f_falling(float x)
{
    const float round_magic = 12582912.0f;
    float shifted = x + round_magic;
    float r = x - (shifted - round_magic);
    // 2^r on |r| <= 1/2, relative error 9e-8
    float p = vec_fma(r, 0x1.5bb92ap-10f, 0x1.3ceb6cp-7f);
    p = vec_fma(p, r, 0x1.c6b75ap-5f);
    p = vec_fma(p, r, 0x1.ebf9bap-3f);
    p = vec_fma(p, r, 0x1.62e42ap-1f);
    p = vec_fma(p, r, 1.0f);
    // The rounded integer stands in the low bits of `shifted`: added to p's exponent.
    uint32_t bits = (uint32_t)vec_to_bits(p) + ((uint32_t)vec_to_bits(shifted) << 23);
    return vec_from_bits((int32_t)bits);
}

// log(x) for every x: -infinity at 0, NaN below.
VEC_INLINE float vec_logf(float x)
{
    int subnormal = x < 1.17549435e-38f;
    float scaled = subnormal ? x * 8388608.0f : x;
    // exponent such that the mantissa lies in [sqrt(1/2), sqrt(2))
    int32_t bits = vec_to_bits(scaled);
    int32_t e = (bits - 0x3F3504F3) >> 23;
    float f = vec_from_bits((int32_t)((uint32_t)bits - (uint32_t)e * 0x800000u)) - 1.0f;
    float k = (float)(subnormal ? e - 23 : e);
    // log(1 + f) = 2 atanh(s) = f - (f^2/2 - s (f^2/2 + R(s^2)))
    float s = f / (2.0f + f), z = s * s;
    float tail = z * vec_fma(z, vec_fma(z, 0.29873075f, 0.39977496f), 0.66666777f);
    float half_square = 0.5f * f * f;
    float small = vec_fma(s, half_square + tail, k * 1.42860677e-6f);
    float value = vec_fma(k, 0.693145752f, f - (half_square - small));
    value = x == 0.0f ? -INFINITY : value;
    value = x == INFINITY ? x : value;
    return x < 0.0f ? NAN : (x != x ? x : value);
}

// The even part of log1p: atanh(s) / s at z = s^2, for z in [0, 1/9].
VEC_INLINE float vec_atanh_ratio(float z)
{
    float p = vec_fma(z, 0x1.20c0ep-3f, 0x1.1e45c0p-3f);
    p = vec_fma(p, z, 0x1.99dba6p-3f);
    p = vec_fma(p, z, 0x1.5554dep-2f);
    return vec_fma(p, z, 1.0f);
}

// log(1 + x) for x in [0, 1], at most 3 ulp off, near 0 too.
VEC_INLINE float vec_log1pf_unit(float x)
{
    float s = x / (2.0f + x);
    return 2.0f * s * vec_atanh_ratio(s * s);
}

#endif
#endif
