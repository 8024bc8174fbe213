// Copies of large blocks by all threads, for measuring the machine's own bandwidth.
#ifndef TARN_CPU_COPY_H
#define TARN_CPU_COPY_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum copy_kind {
    COPY_PLAIN,    // stores that go through the caches
    COPY_STREAMED, // non-temporal stores (cpu/stream.h)
    N_COPY_KINDS
};
extern const char *const copy_kind_names[N_COPY_KINDS];

// Both aligned to 64 bytes, as bytes must be.
void copy_blocks(void *to, const void *from, size_t bytes, enum copy_kind kind);

#ifdef __cplusplus
}
#endif
#endif
