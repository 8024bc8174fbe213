// Copies from the host that neither wait for the device nor need the source afterwards: through
// pinned memory of a few segments that are filled in turn. A segment is used again when the copies
// out of it are done.
#ifndef TARN_CUDA_STAGING_H
#define TARN_CUDA_STAGING_H

#include <stddef.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct CUstream_st;
struct cuda_staging;

// The memory, n_segments * segment_bytes, is asked for with the first copy.
enum status cuda_staging_create(int n_segments, size_t segment_bytes,
                                struct cuda_staging **staging) MUST_USE;
void cuda_staging_destroy(struct cuda_staging *staging); // NULL-safe; no copy may be under way

// Waits only where all segments are full of copies that the device has not done.
enum status cuda_staging_copy(struct cuda_staging *staging, void *device, const void *host,
                              size_t bytes, struct CUstream_st *stream) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
