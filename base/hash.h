// FNV-1a, 64 bits: tells files and lines apart, and damaged ones from whole ones. No protection
// against people who want two to agree. (Fowler, Noll, Vo; RFC 9923.)
#ifndef TARN_BASE_HASH_H
#define TARN_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HASH_START UINT64_C(0xcbf29ce484222325)

// Continues `hash` (HASH_START at first) with n bytes.
static inline uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t n)
{
    const unsigned char *p = (const unsigned char *)bytes;
    for (size_t i = 0; i < n; i++) hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
    return hash;
}

#ifdef __cplusplus
}
#endif
#endif
