// Barriers, shuffles, votes and atomic operations. The place of a call in the source tells whether
// all threads are at the same one.
#ifndef TARN_TESTS_EMULATOR_WARP_H
#define TARN_TESTS_EMULATOR_WARP_H

#define EMULATOR_PLACE const char *file = __builtin_FILE(), int line = __builtin_LINE()

static inline void __syncthreads(EMULATOR_PLACE)
{
    emulator_barrier(file, line);
}

static inline void __syncwarp(unsigned mask = 0xFFFFFFFFu, EMULATOR_PLACE)
{
    (void)emulator_exchange("__syncwarp", mask, 0, file, line);
}

template <typename T>
static inline T emulator_shuffle(const char *what, unsigned mask, T value, int source,
                                 const char *file, int line)
{
    static_assert(sizeof(T) == 4 || sizeof(T) == 8, "a shuffle takes 4 or 8 bytes");
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof value);
    bits = emulator_exchange(what, mask, bits, file, line)[source];
    memcpy(&value, &bits, sizeof value);
    return value;
}

// Within segments of `width` lanes; where the source lies outside, a lane gets its own value.
template <typename T>
static inline T __shfl_sync(unsigned mask, T value, int source, int width = 32, EMULATOR_PLACE)
{
    int lane = (int)emulator_lane(), base = lane / width * width;
    return emulator_shuffle("__shfl_sync", mask, value, base + (source & (width - 1)), file, line);
}

template <typename T>
static inline T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32,
                               EMULATOR_PLACE)
{
    int lane = (int)emulator_lane(), base = lane / width * width, from = lane - (int)delta;
    return emulator_shuffle("__shfl_up_sync", mask, value, from < base ? lane : from, file, line);
}

template <typename T>
static inline T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32,
                                 EMULATOR_PLACE)
{
    int lane = (int)emulator_lane(), end = lane / width * width + width, from = lane + (int)delta;
    return emulator_shuffle("__shfl_down_sync", mask, value, from >= end ? lane : from, file, line);
}

template <typename T>
static inline T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32, EMULATOR_PLACE)
{
    int lane = (int)emulator_lane(), end = lane / width * width + width, from = lane ^ bits;
    return emulator_shuffle("__shfl_xor_sync", mask, value, from >= end ? lane : from, file, line);
}

static inline unsigned __ballot_sync(unsigned mask, int predicate, EMULATOR_PLACE)
{
    const uint64_t *votes = emulator_exchange("__ballot_sync", mask, predicate != 0, file, line);
    unsigned all = 0;
    for (int i = 0; i < 32; i++) all |= (unsigned)votes[i] << i;
    return all;
}

static inline int __any_sync(unsigned mask, int predicate, EMULATOR_PLACE)
{
    return __ballot_sync(mask, predicate, file, line) != 0;
}

static inline int __all_sync(unsigned mask, int predicate, EMULATOR_PLACE)
{
    return __ballot_sync(mask, predicate, file, line) == 0xFFFFFFFFu;
}

// One emulated thread runs at a time: nothing comes between.
#define EMULATOR_ATOMIC(name, type, result)                                                        \
    static inline type name(type *at, type value)                                                  \
    {                                                                                              \
        type old = *at;                                                                            \
        *at = (result);                                                                            \
        return old;                                                                                \
    }
EMULATOR_ATOMIC(atomicAdd, int, (int)((unsigned)old + (unsigned)value))
EMULATOR_ATOMIC(atomicAdd, unsigned, old + value)
EMULATOR_ATOMIC(atomicAdd, unsigned long long, old + value)
EMULATOR_ATOMIC(atomicAdd, float, old + value)
EMULATOR_ATOMIC(atomicMax, int, max(old, value))
EMULATOR_ATOMIC(atomicMax, unsigned, max(old, value))
EMULATOR_ATOMIC(atomicMax, unsigned long long, max(old, value))
EMULATOR_ATOMIC(atomicMin, int, min(old, value))
EMULATOR_ATOMIC(atomicMin, unsigned, min(old, value))
EMULATOR_ATOMIC(atomicMin, unsigned long long, min(old, value))
EMULATOR_ATOMIC(atomicOr, int, old | value)
EMULATOR_ATOMIC(atomicOr, unsigned, old | value)
EMULATOR_ATOMIC(atomicOr, unsigned long long, old | value)
EMULATOR_ATOMIC(atomicAnd, unsigned, old & value)
EMULATOR_ATOMIC(atomicExch, int, value)
EMULATOR_ATOMIC(atomicExch, unsigned, value)
#undef EMULATOR_ATOMIC

#define EMULATOR_CAS(type)                                                                         \
    static inline type atomicCAS(type *at, type expected, type value)                              \
    {                                                                                              \
        type old = *at;                                                                            \
        if (old == expected) *at = value;                                                          \
        return old;                                                                                \
    }
EMULATOR_CAS(int)
EMULATOR_CAS(unsigned)
EMULATOR_CAS(unsigned long long)
#undef EMULATOR_CAS

#endif
