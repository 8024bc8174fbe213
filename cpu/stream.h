// Writes of large results past the caches: memory need not be read before it is overwritten, which
// saves a third of a copy's traffic. Only for results that do not fit the caches anyway.
// For *_hot.c; everything here is inline and takes the vectors of the file's instruction set.
#ifndef TARN_CPU_STREAM_H
#define TARN_CPU_STREAM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

enum {
    STREAM_ALIGNMENT = 64,      // of the destination, bytes
    STREAM_MULTIPLE = 64,       // of the length, bytes
    STREAM_MIN_BYTES = 8 << 20, // results smaller than this stay in the caches
};

static inline int stream_is_aligned(const void *destination, size_t bytes)
{
    return (uintptr_t)destination % STREAM_ALIGNMENT == 0 && bytes % STREAM_MULTIPLE == 0;
}

static inline void stream_copy(void *destination, const void *source, size_t bytes)
{
#if defined(__SSE2__)
    char *to = (char *)destination;
    const char *from = (const char *)source;
    for (size_t i = 0; i < bytes; i += 64) {
#if defined(__AVX512F__)
        _mm512_stream_si512((__m512i *)(void *)(to + i), _mm512_loadu_si512(from + i));
#elif defined(__AVX__)
        __m256i low = _mm256_loadu_si256((const __m256i *)(const void *)(from + i));
        __m256i high = _mm256_loadu_si256((const __m256i *)(const void *)(from + i + 32));
        _mm256_stream_si256((__m256i *)(void *)(to + i), low);
        _mm256_stream_si256((__m256i *)(void *)(to + i + 32), high);
#else
        for (size_t k = i; k < i + 64; k += 16)
            _mm_stream_si128((__m128i *)(void *)(to + k),
                             _mm_loadu_si128((const __m128i *)(const void *)(from + k)));
#endif
    }
#else
    memcpy(destination, source, bytes);
#endif
}

// Before other threads may read what this one streamed.
static inline void stream_end(void)
{
#if defined(__SSE2__)
    _mm_sfence();
#endif
}

#endif
