// Uploads beside the device's work: from pinned memory, on a stream of their own, into one of two
// places in device memory, from where the backend's stream copies to the destination when it gets
// there. So the next batch travels while the device computes on this one.
#ifndef TARN_CUDA_UPLOAD_H
#define TARN_CUDA_UPLOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct CUstream_st;
struct cuda_upload;

enum status cuda_upload_create(int device, struct cuda_upload **upload) MUST_USE;
void cuda_upload_destroy(struct cuda_upload *upload); // NULL-safe; both streams are at rest

// An arena_source's get and put of pinned memory; context: the struct cuda_upload. From any thread.
void *cuda_upload_get(void *context, size_t bytes);
void cuda_upload_put(void *context, void *chunk, size_t bytes);

// Whether [host, host + bytes) is memory of cuda_upload_get.
bool cuda_upload_is_pinned(struct cuda_upload *upload, const void *host, size_t bytes);

// host: pinned; it may be written again after cuda_upload_wait.
enum status cuda_upload_copy(struct cuda_upload *upload, void *device, const void *host,
                             size_t bytes, struct CUstream_st *stream) MUST_USE;
enum status cuda_upload_wait(struct cuda_upload *upload) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
