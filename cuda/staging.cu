#include "cuda/staging.h"

#include <cuda_runtime.h>
#include <string.h>

#include "base/mem.h"

enum { STAGING_MAX_SEGMENTS = 8, STAGING_ALIGNMENT = 256 };

struct cuda_staging {
    char *memory; // pinned; NULL before the first copy
    size_t segment_bytes;
    size_t used; // of the current segment
    int n_segments, current;
    cudaEvent_t done[STAGING_MAX_SEGMENTS]; // the copies out of a segment, once it was left
};

static enum status staging_fail(cudaError_t error)
{
    return fail(ERR_DEVICE, "cuda: upload: %s", cudaGetErrorString(error));
}

enum status cuda_staging_create(int n_segments, size_t segment_bytes, struct cuda_staging **staging)
{
    struct cuda_staging *fresh = (struct cuda_staging *)mem_alloc(1, sizeof *fresh);
    if (!fresh) return ERR_MEMORY;
    fresh->segment_bytes = segment_bytes;
    for (; fresh->n_segments < n_segments; fresh->n_segments++) {
        cudaError_t error =
            cudaEventCreateWithFlags(&fresh->done[fresh->n_segments], cudaEventDisableTiming);
        if (error == cudaSuccess) continue;
        cuda_staging_destroy(fresh);
        return staging_fail(error);
    }
    *staging = fresh;
    return OK;
}

void cuda_staging_destroy(struct cuda_staging *staging)
{
    if (!staging) return;
    for (int i = 0; i < staging->n_segments; i++) (void)cudaEventDestroy(staging->done[i]);
    if (staging->memory) (void)cudaFreeHost(staging->memory);
    mem_free(staging);
}

// Leaves the full segment; an event that was never recorded does not wait.
static cudaError_t staging_next(struct cuda_staging *staging, cudaStream_t stream)
{
    cudaError_t error = cudaEventRecord(staging->done[staging->current], stream);
    if (error != cudaSuccess) return error;
    staging->current = (staging->current + 1) % staging->n_segments;
    staging->used = 0;
    return cudaEventSynchronize(staging->done[staging->current]);
}

enum status cuda_staging_copy(struct cuda_staging *staging, void *device, const void *host,
                              size_t bytes, cudaStream_t stream)
{
    cudaError_t error = cudaSuccess;
    if (!staging->memory) {
        size_t total = (size_t)staging->n_segments * staging->segment_bytes;
        void *memory = NULL;
        if (cudaMallocHost(&memory, total) != cudaSuccess)
            return fail(ERR_MEMORY, "cuda: %zu bytes of pinned host memory wanted: %s", total,
                        cudaGetErrorString(cudaGetLastError()));
        staging->memory = (char *)memory;
    }
    for (size_t at = 0; at < bytes;) {
        if (staging->used >= staging->segment_bytes) error = staging_next(staging, stream);
        if (error != cudaSuccess) return staging_fail(error);
        size_t room = staging->segment_bytes - staging->used;
        size_t n = bytes - at < room ? bytes - at : room;
        char *from = staging->memory + (size_t)staging->current * staging->segment_bytes +
                     staging->used;
        memcpy(from, (const char *)host + at, n);
        error = cudaMemcpyAsync((char *)device + at, from, n, cudaMemcpyHostToDevice, stream);
        if (error != cudaSuccess) return staging_fail(error);
        staging->used += (n + STAGING_ALIGNMENT - 1) / STAGING_ALIGNMENT * STAGING_ALIGNMENT;
        at += n;
    }
    return OK;
}
