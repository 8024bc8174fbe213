// Vector types with CUDA's alignment: a misaligned access is found by the sanitizer.
#ifndef TARN_TESTS_EMULATOR_TYPES_H
#define TARN_TESTS_EMULATOR_TYPES_H

#define EMULATOR_VECTOR2(name, base)                                                               \
    struct alignas(2 * sizeof(base)) name {                                                        \
        base x, y;                                                                                 \
    };                                                                                             \
    static inline name make_##name(base x, base y)                                                 \
    {                                                                                              \
        return {x, y};                                                                             \
    }
#define EMULATOR_VECTOR4(name, base)                                                               \
    struct alignas(4 * sizeof(base)) name {                                                        \
        base x, y, z, w;                                                                           \
    };                                                                                             \
    static inline name make_##name(base x, base y, base z, base w)                                 \
    {                                                                                              \
        return {x, y, z, w};                                                                       \
    }

EMULATOR_VECTOR2(float2, float)
EMULATOR_VECTOR2(int2, int)
EMULATOR_VECTOR2(uint2, unsigned)
EMULATOR_VECTOR2(ushort2, unsigned short)
EMULATOR_VECTOR2(uchar2, unsigned char)
EMULATOR_VECTOR2(double2, double)
EMULATOR_VECTOR4(float4, float)
EMULATOR_VECTOR4(int4, int)
EMULATOR_VECTOR4(uint4, unsigned)
EMULATOR_VECTOR4(ushort4, unsigned short)
EMULATOR_VECTOR4(uchar4, unsigned char)
EMULATOR_VECTOR4(char4, signed char)

struct float3 {
    float x, y, z;
};
static inline float3 make_float3(float x, float y, float z)
{
    return {x, y, z};
}
struct uchar3 {
    unsigned char x, y, z;
};

#undef EMULATOR_VECTOR2
#undef EMULATOR_VECTOR4

#endif
