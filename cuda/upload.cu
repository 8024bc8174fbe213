#include "cuda/upload.h"

#include <cuda_runtime.h>
#include <pthread.h>

#include "base/mem.h"

enum { UPLOAD_SLOTS = 2 };

struct upload_slot {
    void *memory;
    size_t bytes;
    cudaEvent_t filled, emptied;
};

struct upload_chunk {
    char *memory;
    size_t bytes;
};

struct cuda_upload {
    int device, current;
    cudaStream_t stream;
    struct upload_slot slots[UPLOAD_SLOTS];
    pthread_mutex_t lock; // of the list of pinned memory
    struct upload_chunk *chunks;
    size_t n_chunks, capacity;
};

static enum status upload_fail(cudaError_t error)
{
    (void)cudaGetLastError();
    return fail(ERR_DEVICE, "cuda: upload: %s", cudaGetErrorString(error));
}

enum status cuda_upload_create(int device, struct cuda_upload **upload)
{
    struct cuda_upload *u = (struct cuda_upload *)mem_alloc(1, sizeof *u);
    if (!u) return ERR_MEMORY;
    u->device = device;
    (void)pthread_mutex_init(&u->lock, NULL);
    cudaError_t error = cudaStreamCreateWithFlags(&u->stream, cudaStreamNonBlocking);
    for (int i = 0; i < UPLOAD_SLOTS && error == cudaSuccess; i++) {
        error = cudaEventCreateWithFlags(&u->slots[i].filled, cudaEventDisableTiming);
        if (error == cudaSuccess)
            error = cudaEventCreateWithFlags(&u->slots[i].emptied, cudaEventDisableTiming);
    }
    if (error != cudaSuccess) {
        cuda_upload_destroy(u);
        return upload_fail(error);
    }
    *upload = u;
    return OK;
}

void cuda_upload_destroy(struct cuda_upload *upload)
{
    if (!upload) return;
    for (int i = 0; i < UPLOAD_SLOTS; i++) {
        struct upload_slot *slot = &upload->slots[i];
        if (slot->memory) (void)cudaFreeAsync(slot->memory, upload->stream);
        if (slot->filled) (void)cudaEventDestroy(slot->filled);
        if (slot->emptied) (void)cudaEventDestroy(slot->emptied);
    }
    if (upload->stream) (void)cudaStreamDestroy(upload->stream);
    (void)pthread_mutex_destroy(&upload->lock);
    mem_free(upload->chunks);
    mem_free(upload);
}

void *cuda_upload_get(void *context, size_t bytes)
{
    struct cuda_upload *upload = (struct cuda_upload *)context;
    void *memory = NULL;
    (void)cudaSetDevice(upload->device); // a thread of the loader begins with the first GPU
    if (cudaMallocHost(&memory, bytes) != cudaSuccess) {
        (void)fail(ERR_MEMORY,
                   "cuda: %zu bytes of pinned host memory wanted: %s; lower data.queue or the "
                   "batch size", bytes, cudaGetErrorString(cudaGetLastError()));
        return NULL;
    }
    (void)pthread_mutex_lock(&upload->lock);
    enum status status = mem_reserve(&upload->chunks, &upload->capacity, upload->n_chunks + 1,
                                     sizeof *upload->chunks);
    if (status == OK) upload->chunks[upload->n_chunks++] = {(char *)memory, bytes};
    (void)pthread_mutex_unlock(&upload->lock);
    if (status == OK) return memory;
    (void)cudaFreeHost(memory);
    return NULL;
}

void cuda_upload_put(void *context, void *chunk, size_t bytes)
{
    struct cuda_upload *upload = (struct cuda_upload *)context;
    (void)bytes;
    (void)pthread_mutex_lock(&upload->lock);
    for (size_t i = 0; i < upload->n_chunks; i++) {
        if (upload->chunks[i].memory != chunk) continue;
        upload->chunks[i] = upload->chunks[--upload->n_chunks];
        break;
    }
    (void)pthread_mutex_unlock(&upload->lock);
    (void)cudaSetDevice(upload->device);
    (void)cudaFreeHost(chunk);
}

bool cuda_upload_is_pinned(struct cuda_upload *upload, const void *host, size_t bytes)
{
    const char *begin = (const char *)host;
    bool found = false;
    (void)pthread_mutex_lock(&upload->lock);
    for (size_t i = 0; i < upload->n_chunks && !found; i++) {
        const struct upload_chunk *chunk = &upload->chunks[i];
        found = begin >= chunk->memory && begin < chunk->memory + chunk->bytes &&
                bytes <= (size_t)(chunk->memory + chunk->bytes - begin);
    }
    (void)pthread_mutex_unlock(&upload->lock);
    return found;
}

static cudaError_t upload_grow(struct cuda_upload *upload, struct upload_slot *slot, size_t bytes)
{
    if (bytes <= slot->bytes) return cudaSuccess;
    if (slot->memory) (void)cudaFreeAsync(slot->memory, upload->stream);
    slot->memory = NULL;
    slot->bytes = 0;
    cudaError_t error = cudaMallocAsync(&slot->memory, bytes, upload->stream);
    if (error == cudaSuccess) slot->bytes = bytes;
    return error;
}

enum status cuda_upload_copy(struct cuda_upload *upload, void *device, const void *host,
                             size_t bytes, struct CUstream_st *stream)
{
    struct upload_slot *slot = &upload->slots[upload->current];
    upload->current = (upload->current + 1) % UPLOAD_SLOTS;
    // What the slot held was copied on, at the latest.
    cudaError_t error = cudaStreamWaitEvent(upload->stream, slot->emptied, 0);
    if (error == cudaSuccess) error = upload_grow(upload, slot, bytes);
    if (error == cudaSuccess)
        error = cudaMemcpyAsync(slot->memory, host, bytes, cudaMemcpyHostToDevice, upload->stream);
    if (error == cudaSuccess) error = cudaEventRecord(slot->filled, upload->stream);
    if (error == cudaSuccess) error = cudaStreamWaitEvent(stream, slot->filled, 0);
    if (error == cudaSuccess)
        error = cudaMemcpyAsync(device, slot->memory, bytes, cudaMemcpyDeviceToDevice, stream);
    if (error == cudaSuccess) error = cudaEventRecord(slot->emptied, stream);
    return error == cudaSuccess ? OK : upload_fail(error);
}

enum status cuda_upload_wait(struct cuda_upload *upload)
{
    cudaError_t error = cudaStreamSynchronize(upload->stream);
    return error == cudaSuccess ? OK : upload_fail(error);
}
