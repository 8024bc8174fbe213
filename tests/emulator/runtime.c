#define _GNU_SOURCE // posix_memalign, recursive mutexes
#include "tests/emulator/runtime.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/sanitizer.h"
#include "tests/emulator/emulator.h"

enum { MAX_BLOCKS = 4096, MAX_COPIES = 64, MAX_KERNELS = 64, PLAIN_SHARED = 48 << 10 };
enum { MAX_SHARED = 227 << 10, ALIGNMENT = 256, MAX_STREAMS = 64 };

struct block {
    char *memory;
    size_t bytes;
    bool is_divided; // an arena hands it out in parts
};

struct copy {
    void *to;
    const void *from;
    size_t bytes;
};

static struct block device_blocks[MAX_BLOCKS], pinned_blocks[MAX_BLOCKS];
static int n_device, n_pinned;
static size_t device_used;
static struct copy copies[MAX_COPIES];
static int n_copies;
static struct {
    const void *address;
    size_t bytes;
} kernels[MAX_KERNELS];
static int n_kernels;
static cudaError_t last_error;
static struct stream {
    bool is_used, has_kernels;
} streams[MAX_STREAMS];
static unsigned long n_waits;
static struct {
    int n_devices, capability;
    size_t memory_bytes;
} machine = {1, 90, (size_t)1 << 30};

static pthread_mutex_t mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

void emulator_lock(bool locks)
{
    (void)(locks ? pthread_mutex_lock(&mutex) : pthread_mutex_unlock(&mutex));
}

void emulator_set_device(int n_devices, int capability, size_t memory_bytes)
{
    machine.n_devices = n_devices;
    machine.capability = capability;
    machine.memory_bytes = memory_bytes;
}

unsigned long emulator_wait_count(void)
{
    return n_waits;
}

void emulator_note_kernel(const void *stream)
{
    if (stream) ((struct stream *)(uintptr_t)stream)->has_kernels = true;
}

static void note_wait(const void *stream)
{
    n_waits += stream && ((const struct stream *)stream)->has_kernels;
}

// ---- errors ------------------------------------------------------------------------------------

static cudaError_t remember(cudaError_t error)
{
    if (error != cudaSuccess) last_error = error;
    return error;
}

cudaError_t cudaPeekAtLastError(void)
{
    return emulator_message()[0] ? cudaErrorLaunchFailure : last_error;
}

static char last_message[512];

cudaError_t cudaGetLastError(void)
{
    cudaError_t error = cudaPeekAtLastError();
    if (emulator_message()[0])
        (void)snprintf(last_message, sizeof last_message, "%s", emulator_message());
    emulator_clear();
    last_error = cudaSuccess;
    return error;
}

const char *cudaGetErrorString(cudaError_t error)
{
    switch (error) {
    case cudaSuccess:
        return "no error";
    case cudaErrorMemoryAllocation:
        return "out of memory";
    case cudaErrorInsufficientDriver:
        return "CUDA driver version is insufficient for CUDA runtime version";
    case cudaErrorNoDevice:
        return "no CUDA-capable device is detected";
    case cudaErrorInvalidDevice:
        return "invalid device ordinal";
    case cudaErrorLaunchFailure:
        return last_message;
    default:
        return "invalid argument";
    }
}

const char *cudaGetErrorName(cudaError_t error)
{
    return cudaGetErrorString(error);
}

// ---- the device --------------------------------------------------------------------------------

cudaError_t cudaGetDeviceCount(int *n)
{
    *n = machine.n_devices;
    return remember(machine.n_devices ? cudaSuccess : cudaErrorNoDevice);
}

cudaError_t cudaSetDevice(int device)
{
    return remember(device < machine.n_devices ? cudaSuccess : cudaErrorInvalidDevice);
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *properties, int device)
{
    if (device < 0 || device >= machine.n_devices) return remember(cudaErrorInvalidDevice);
    memset(properties, 0, sizeof *properties);
    (void)snprintf(properties->name, sizeof properties->name, "launch emulator");
    properties->major = machine.capability / 10;
    properties->minor = machine.capability % 10;
    properties->totalGlobalMem = machine.memory_bytes;
    properties->sharedMemPerBlockOptin = MAX_SHARED;
    properties->multiProcessorCount = 4;
    return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr attribute, int device)
{
    (void)attribute;
    (void)device;
    *value = 1;
    return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int *version)
{
    *version = 13000;
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int *version)
{
    *version = 13000;
    return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t *n_free, size_t *total)
{
    *n_free = machine.memory_bytes - device_used;
    *total = machine.memory_bytes;
    return cudaSuccess;
}

// ---- memory ------------------------------------------------------------------------------------

static struct block *find(struct block *blocks, int n, const void *memory, size_t bytes)
{
    uintptr_t begin = (uintptr_t)memory;
    for (int i = 0; i < n; i++) {
        uintptr_t first = (uintptr_t)blocks[i].memory;
        if (begin >= first && begin - first <= blocks[i].bytes &&
            bytes <= blocks[i].bytes - (begin - first))
            return &blocks[i];
    }
    return NULL;
}

static bool is_device(const void *memory, size_t bytes)
{
    return find(device_blocks, n_device, memory, bytes) != NULL;
}

static void spoil(void *memory, size_t bytes)
{
    const uint32_t nan = 0x7FC0DEADu;
    for (size_t i = 0; i + sizeof nan <= bytes; i += sizeof nan)
        memcpy((char *)memory + i, &nan, sizeof nan);
}

cudaError_t cudaMallocAsync(void **memory, size_t bytes, cudaStream_t stream)
{
    void *fresh = NULL;
    (void)stream;
    if (bytes > machine.memory_bytes - device_used || n_device == MAX_BLOCKS ||
        posix_memalign(&fresh, ALIGNMENT, bytes) != 0)
        return remember(cudaErrorMemoryAllocation);
    spoil(fresh, bytes);
    MEMORY_HIDE(fresh, bytes);
    device_blocks[n_device++] = (struct block){(char *)fresh, bytes, false};
    device_used += bytes;
    *memory = fresh;
    return cudaSuccess;
}

static cudaError_t release(struct block *blocks, int *n, void *memory, size_t *used)
{
    struct block *block = find(blocks, *n, memory, 0);
    emulator_flush_copies();
    if (!memory) return cudaSuccess;
    if (!block || block->memory != memory) return remember(cudaErrorInvalidValue);
    MEMORY_SHOW(block->memory, block->bytes);
    if (used) *used -= block->bytes;
    free(block->memory);
    *block = blocks[--*n];
    return cudaSuccess;
}

cudaError_t cudaFreeAsync(void *memory, cudaStream_t stream)
{
    (void)stream;
    return release(device_blocks, &n_device, memory, &device_used);
}

cudaError_t cudaMallocHost(void **memory, size_t bytes)
{
    emulator_lock(true);
    void *fresh = n_pinned < MAX_BLOCKS ? malloc(bytes) : NULL;
    if (fresh) pinned_blocks[n_pinned++] = (struct block){(char *)fresh, bytes, false};
    emulator_lock(false);
    if (!fresh) return remember(cudaErrorMemoryAllocation);
    *memory = fresh;
    return cudaSuccess;
}

cudaError_t cudaFreeHost(void *memory)
{
    emulator_lock(true);
    cudaError_t error = release(pinned_blocks, &n_pinned, memory, NULL);
    emulator_lock(false);
    return error;
}

cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t *pool, int device)
{
    (void)device;
    *pool = NULL;
    return cudaSuccess;
}

cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, enum cudaMemPoolAttr attribute, void *value)
{
    (void)pool;
    (void)attribute;
    (void)value;
    return cudaSuccess;
}

cudaError_t cudaMemPoolTrimTo(cudaMemPool_t pool, size_t bytes)
{
    (void)pool;
    (void)bytes;
    return cudaSuccess;
}

// What arenas handed out of the blocks that are theirs.
static struct block *objects;
static size_t n_objects, objects_capacity;

static bool lies_in(const struct block *object, const void *memory, size_t bytes)
{
    uintptr_t begin = (uintptr_t)memory, at = (uintptr_t)object->memory;
    return at >= begin && at - begin < bytes;
}

static void note_object(void *memory, size_t bytes, bool is_used)
{
    struct block *block = find(device_blocks, n_device, memory, bytes);
    size_t n = 0;
    if (!block) return;
    bool is_whole = block->memory == memory && block->bytes == bytes;
    for (size_t i = 0; i < n_objects; i++) {
        if (!lies_in(&objects[i], memory, bytes))
            objects[n++] = objects[i];
        else if (is_used && objects[i].bytes > bytes)
            bytes = objects[i].bytes; // deferred work is still to come that takes more of it
    }
    n_objects = n;
    if (is_whole) block->is_divided = !is_used;
    if (!is_used || is_whole) return;
    if (n_objects == objects_capacity) {
        objects_capacity = 2 * objects_capacity + 64;
        objects = (struct block *)realloc(objects, objects_capacity * sizeof *objects);
        if (!objects) abort();
    }
    objects[n_objects++] = (struct block){(char *)memory, bytes, false};
}

__attribute__((constructor)) static void observe(void)
{
    arena_observe(note_object);
}

void emulator_show_memory(enum visibility visible)
{
    for (int i = 0; i < n_device; i++) {
        const struct block *block = &device_blocks[i];
        if (visible == VISIBLE_ALL || (visible == VISIBLE_OBJECTS && !block->is_divided))
            MEMORY_SHOW(block->memory, block->bytes);
        else
            MEMORY_HIDE(block->memory, block->bytes);
    }
    for (size_t i = 0; visible == VISIBLE_OBJECTS && i < n_objects; i++)
        MEMORY_SHOW(objects[i].memory, objects[i].bytes);
}

static void copy_now(const struct copy *copy)
{
    emulator_show_memory(VISIBLE_ALL);
    if (copy->bytes) memmove(copy->to, copy->from, copy->bytes);
    emulator_show_memory(VISIBLE_NOTHING);
}

void emulator_flush_copies(void)
{
    emulator_lock(true);
    for (int i = 0; i < n_copies; i++) copy_now(&copies[i]);
    n_copies = 0;
    emulator_lock(false);
}

static cudaError_t copy_async(const struct copy *copy, enum cudaMemcpyKind kind,
                              const void *stream)
{
    bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
    bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
    if (is_device(copy->to, copy->bytes) != to_device ||
        is_device(copy->from, copy->bytes) != from_device)
        return remember(cudaErrorInvalidValue);
    const void *host = to_device ? copy->from : copy->to;
    bool is_pinned = find(pinned_blocks, n_pinned, host, copy->bytes);
    if (kind == cudaMemcpyDeviceToHost && !is_pinned) note_wait(stream);
    bool is_late = kind == cudaMemcpyHostToDevice && is_pinned;
    if (!is_late || n_copies == MAX_COPIES) emulator_flush_copies();
    if (is_late) copies[n_copies++] = *copy;
    else copy_now(copy);
    return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind,
                            cudaStream_t stream)
{
    const struct copy copy = {to, from, bytes};
    emulator_lock(true);
    cudaError_t error = copy_async(&copy, kind, stream);
    emulator_lock(false);
    return error;
}

cudaError_t cudaMemsetAsync(void *memory, int value, size_t bytes, cudaStream_t stream)
{
    (void)stream;
    emulator_flush_copies();
    if (!is_device(memory, bytes)) return remember(cudaErrorInvalidValue);
    emulator_show_memory(VISIBLE_ALL);
    memset(memory, value, bytes);
    emulator_show_memory(VISIBLE_NOTHING);
    return cudaSuccess;
}

// ---- streams and events ------------------------------------------------------------------------

static char one_event;

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags)
{
    (void)flags;
    for (int i = 0; i < MAX_STREAMS; i++) {
        if (streams[i].is_used) continue;
        streams[i] = (struct stream){.is_used = true};
        *stream = (cudaStream_t)(void *)&streams[i];
        return cudaSuccess;
    }
    return remember(cudaErrorMemoryAllocation);
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    emulator_flush_copies();
    ((struct stream *)(void *)stream)->is_used = false;
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    emulator_flush_copies();
    note_wait(stream);
    return cudaPeekAtLastError();
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags)
{
    (void)flags;
    *event = (cudaEvent_t)(void *)&one_event;
    return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event)
{
    (void)event;
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
    (void)event;
    (void)stream;
    return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
    (void)event;
    emulator_flush_copies();
    n_waits++;
    return cudaSuccess;
}

// Events have no times here: the emulator is nothing to measure.
cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t start, cudaEvent_t stop)
{
    (void)start;
    (void)stop;
    *milliseconds = 1.0f;
    return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags)
{
    (void)stream;
    (void)event;
    (void)flags;
    return cudaSuccess;
}

// ---- kernels -----------------------------------------------------------------------------------

cudaError_t emulator_set_attribute(const void *kernel, cudaFuncAttribute attribute, int value)
{
    if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize || value < 0 ||
        value > MAX_SHARED)
        return remember(cudaErrorInvalidValue);
    int i = 0;
    while (i < n_kernels && kernels[i].address != kernel) i++;
    if (i == MAX_KERNELS) return remember(cudaErrorInvalidValue);
    kernels[i].address = kernel;
    kernels[i].bytes = (size_t)value;
    if (i == n_kernels) n_kernels++;
    return cudaSuccess;
}

bool emulator_shared_allowed(const void *kernel, size_t bytes)
{
    if (bytes <= PLAIN_SHARED) return true;
    for (int i = 0; i < n_kernels; i++)
        if (kernels[i].address == kernel) return bytes <= kernels[i].bytes;
    return false;
}
