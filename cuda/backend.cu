#include "cuda/backend.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cuda/graph.h"
#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "cuda/library.h"
#include "cuda/staging.h"
#include "cuda/upload.h"

// CMake hands over the oldest architecture that there is code for: 90 is compute capability 9.0.
#ifndef TARN_CUDA_ARCH_MIN
#define TARN_CUDA_ARCH_MIN 70
#endif

static const struct op_kernels backend_kernels[N_OPS] = {
#define OP(name)         {cuda_##name##_forward, cuda_##name##_backward},
#define OP_NO_GRAD(name) {cuda_##name##_forward, NULL},
#include "nn/ops.def"
#undef OP
#undef OP_NO_GRAD
};

static struct cuda_backend *backend_of(struct backend *backend)
{
    return (struct cuda_backend *)backend;
}

static enum status device_failed(const char *what, cudaError_t error)
{
    (void)cudaGetLastError(); // the next call tells its own
    return fail(ERR_DEVICE, "cuda: %s: %s", what, cudaGetErrorString(error));
}

// ---- memory ------------------------------------------------------------------------------------

static double gib(size_t bytes)
{
    return (double)bytes / (double)(1 << 30);
}

// Both are ordered in the stream: a kernel that still runs keeps what it reads.
static void *memory_get(void *context, size_t bytes)
{
    struct cuda_backend *cuda = (struct cuda_backend *)context;
    void *memory = NULL;
    size_t n_free = 0, total = 0;
    cudaMemPool_t pool;
    if (cudaMallocAsync(&memory, bytes, cuda->stream) == cudaSuccess) return memory;
    (void)cudaGetLastError();
    // What the pool keeps for later may be in pieces too small: give it back and try again.
    if (cudaStreamSynchronize(cuda->stream) == cudaSuccess &&
        cudaDeviceGetDefaultMemPool(&pool, cuda->device) == cudaSuccess &&
        cudaMemPoolTrimTo(pool, 0) == cudaSuccess &&
        cudaMallocAsync(&memory, bytes, cuda->stream) == cudaSuccess)
        return memory;
    cudaError_t error = cudaGetLastError();
    (void)cudaMemGetInfo(&n_free, &total);
    if (error == cudaErrorMemoryAllocation || error == cudaSuccess)
        (void)fail(ERR_MEMORY,
                   "GPU %d (%s) is out of memory: %.3f GiB more wanted, %.3f of %.3f GiB free; "
                   "lower train.batch_size (eval.batch_size) or data.max_size, choose bf16, or use "
                   "--device cpu",
                   cuda->device, cuda->name, gib(bytes), gib(n_free), gib(total));
    else
        (void)fail(ERR_DEVICE, "cuda: %zu bytes of memory: %s", bytes, cudaGetErrorString(error));
    return NULL;
}

static void memory_put(void *context, void *chunk, size_t bytes)
{
    (void)bytes;
    (void)cudaFreeAsync(chunk, ((struct cuda_backend *)context)->stream);
}

// Grows only: a longer call's scratch is taken by all shorter ones.
static enum status scratch(struct backend *backend, size_t bytes, void **memory)
{
    struct cuda_backend *cuda = backend_of(backend);
    enum { GRAIN = 2 << 20 };
    if (bytes > cuda->scratch_bytes) {
        if (bytes > SIZE_MAX - GRAIN) return fail(ERR_MEMORY, "scratch of %zu bytes", bytes);
        size_t rounded = (bytes + GRAIN - 1) / GRAIN * GRAIN;
        if (cuda->scratch) memory_put(cuda, cuda->scratch, cuda->scratch_bytes);
        cuda->scratch_bytes = 0;
        cuda_graphs_forget(cuda->graphs);
        cuda->scratch = memory_get(cuda, rounded);
        if (!cuda->scratch) return fail_context(ERR_MEMORY, "scratch: ");
        cuda->scratch_bytes = rounded;
    }
    *memory = cuda->scratch;
    return OK;
}

// ---- copies ------------------------------------------------------------------------------------

static enum status upload(struct backend *backend, void *device, const void *host, size_t bytes)
{
    struct cuda_backend *cuda = backend_of(backend);
    if (bytes == 0) return OK;
    if (cuda_upload_is_pinned(cuda->uploads, host, bytes))
        return cuda_upload_copy(cuda->uploads, device, host, bytes, cuda->stream);
    return cuda_staging_copy(cuda->staging, device, host, bytes, cuda->stream);
}

static enum status download(struct backend *backend, void *host, const void *device, size_t bytes)
{
    struct cuda_backend *cuda = backend_of(backend);
    if (bytes == 0) return OK;
    cudaError_t error =
        cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, cuda->stream);
    if (error == cudaSuccess) error = cudaStreamSynchronize(cuda->stream);
    return error == cudaSuccess ? OK : device_failed("download", error);
}

static enum status download_later(struct backend *backend, void *host, const void *device,
                                  size_t bytes)
{
    if (bytes == 0) return OK;
    cudaError_t error = cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost,
                                        backend_of(backend)->stream);
    return error == cudaSuccess ? OK : device_failed("download", error);
}

static enum status uploads_done(struct backend *backend)
{
    return cuda_upload_wait(backend_of(backend)->uploads);
}

static enum status replay(struct backend *backend, uint64_t key,
                          enum status (*run)(void *context), void *context)
{
    return cuda_graphs_run(backend_of(backend)->graphs, key, run, context);
}

static enum status zero(struct backend *backend, void *memory, size_t bytes)
{
    if (bytes == 0) return OK;
    cudaError_t error = cudaMemsetAsync(memory, 0, bytes, backend_of(backend)->stream);
    return error == cudaSuccess ? OK : device_failed("zero", error);
}

static __global__ void fill_kernel(float *x, float value, size_t n)
{
    for (size_t i = CUDA_FIRST; i < n; i += CUDA_STEP) x[i] = value;
}

static enum status fill(struct backend *backend, void *memory, float value, size_t n_floats)
{
    if (n_floats == 0) return OK;
    CUDA_LAUNCH(fill_kernel, cuda_blocks(n_floats), CUDA_BLOCK, 0, backend_of(backend)->stream,
                (float *)memory, value, n_floats);
    cudaError_t error = cudaGetLastError();
    return error == cudaSuccess ? OK : device_failed("fill", error);
}

static enum status synchronize(struct backend *backend)
{
    cudaError_t error = cudaStreamSynchronize(backend_of(backend)->stream);
    return error == cudaSuccess ? OK : device_failed("synchronize", error);
}

enum status cuda_check(const struct op_call *call, const char *what)
{
    (void)call;
    cudaError_t error = cudaGetLastError();
    return error == cudaSuccess ? OK : device_failed(what, error);
}

enum status cuda_zero_wanted(const struct op_backward_call *backward)
{
    struct backend *backend = backward->forward->backend;
    for (int i = 0; i < backward->forward->n_in; i++) {
        struct tensor *in = backward->forward->in[i];
        if (backward->want[i] && backward->beta[i] == 0.0f)
            TRY(backend->zero(backend, in->grad, cuda_grad_bytes(in)));
    }
    return OK;
}

// ---- the backend -------------------------------------------------------------------------------

static void params_changed(struct backend *backend)
{
    cuda_library_params_changed(backend_of(backend)->library);
    cuda_graphs_forget(backend_of(backend)->graphs);
}

static void describe(struct backend *backend, char *text, size_t n_bytes)
{
    const struct cuda_backend *cuda = backend_of(backend);
    int driver = 0, runtime = 0;
    size_t n_free = 0, total = 0;
    (void)cudaDriverGetVersion(&driver);
    (void)cudaRuntimeGetVersion(&runtime);
    (void)cudaMemGetInfo(&n_free, &total);
    char dnn[64], blas[64];
    cudnn_describe(dnn, sizeof dnn);
    blas_describe(blas, sizeof blas);
    (void)snprintf(text, n_bytes,
                   "cuda: GPU %d, %s (compute capability %d.%d, %d multiprocessors, %.1f of %.1f "
                   "GiB free), CUDA %d.%d, driver for %d.%d, %s, %s%s",
                   cuda->device, cuda->name, cuda->major, cuda->minor, cuda->n_multiprocessors,
                   gib(n_free), gib(total), runtime / 1000, runtime % 1000 / 10, driver / 1000,
                   driver % 1000 / 10, dnn, blas, cuda->tf32 ? ", TF32" : "");
}

static void destroy(struct backend *backend)
{
    struct cuda_backend *cuda = backend_of(backend);
    if (cuda->stream) {
        (void)cudaStreamSynchronize(cuda->stream);
        cuda_graphs_destroy(cuda->graphs);
        cuda_library_destroy(cuda->library);
        if (cuda->scratch) memory_put(cuda, cuda->scratch, cuda->scratch_bytes);
    }
    cuda_staging_destroy(cuda->staging);
    cuda_upload_destroy(cuda->uploads);
    if (cuda->stream) (void)cudaStreamDestroy(cuda->stream);
    mem_free(cuda);
}

// Why there is no such device, in words that tell what to do.
static enum status check_device(int device, struct cudaDeviceProp *properties)
{
    int n = 0, driver = 0, runtime = 0;
    cudaError_t error = cudaGetDeviceCount(&n);
    (void)cudaGetLastError();
    if (error == cudaErrorInsufficientDriver) {
        (void)cudaDriverGetVersion(&driver);
        (void)cudaRuntimeGetVersion(&runtime);
        if (driver == 0)
            return fail(ERR_UNSUPPORTED, "no NVIDIA driver is installed: use --device cpu");
        return fail(ERR_UNSUPPORTED,
                    "the NVIDIA driver is for CUDA %d.%d, this build needs %d.%d: install a newer "
                    "driver or use --device cpu",
                    driver / 1000, driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10);
    }
    if (error == cudaErrorNoDevice || (error == cudaSuccess && n == 0))
        return fail(ERR_UNSUPPORTED, "this machine has no GPU that CUDA sees: use --device cpu");
    if (error != cudaSuccess)
        return fail(ERR_UNSUPPORTED, "CUDA does not start: %s; use --device cpu",
                    cudaGetErrorString(error));
    if (device < 0 || device >= n)
        return fail(ERR_UNSUPPORTED, "there is no GPU %d: this machine has %d (from 0); choose "
                    "another or use --device cpu", device, n);
    error = cudaGetDeviceProperties(properties, device);
    if (error != cudaSuccess) return device_failed("device properties", error);
    if (properties->major * 10 + properties->minor < TARN_CUDA_ARCH_MIN)
        return fail(ERR_UNSUPPORTED,
                    "GPU %d (%s) has compute capability %d.%d, this build is for %d.%d and newer: "
                    "build with -DTARN_CUDA_ARCH=%d%d or use --device cpu",
                    device, properties->name, properties->major, properties->minor,
                    TARN_CUDA_ARCH_MIN / 10, TARN_CUDA_ARCH_MIN % 10, properties->major,
                    properties->minor);
    return OK;
}

// Memory that was freed stays in the pool: growing arenas do not go to the driver again.
static cudaError_t keep_freed_memory(int device)
{
    cudaMemPool_t pool;
    uint64_t threshold = UINT64_MAX;
    cudaError_t error = cudaDeviceGetDefaultMemPool(&pool, device);
    if (error != cudaSuccess) return error;
    return cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &threshold);
}

enum status backend_create_cuda(int device, struct backend **backend)
{
    enum { UPLOAD_SEGMENTS = 4, SEGMENT_BYTES = 16 << 20 };
    struct cudaDeviceProp properties;
    TRY(check_device(device, &properties));
    struct cuda_backend *cuda = (struct cuda_backend *)mem_alloc(1, sizeof *cuda);
    if (!cuda) return ERR_MEMORY;
    cuda->device = device;
    cuda->major = properties.major;
    cuda->minor = properties.minor;
    cuda->n_multiprocessors = properties.multiProcessorCount;
    cuda->shared_per_block = properties.sharedMemPerBlockOptin;
    (void)snprintf(cuda->name, sizeof cuda->name, "%.63s", properties.name);
    struct backend *base = &cuda->base;
    base->name = "cuda";
    base->kernels = backend_kernels;
    base->memory.context = cuda;
    base->memory.get = memory_get;
    base->memory.put = memory_put;
    base->upload = upload;
    base->download = download;
    base->zero = zero;
    base->fill = fill;
    base->synchronize = synchronize;
    base->scratch = scratch;
    base->params_changed = params_changed;
    base->describe = describe;
    base->destroy = destroy;
    base->bf16 = true;
    base->is_async = true;
    base->pinned.get = cuda_upload_get;
    base->pinned.put = cuda_upload_put;
    base->download_later = download_later;
    base->uploads_done = uploads_done;
    base->replay = replay;
    base->timer = &cuda_timer;

    enum status status = OK;
    cudaError_t error = cudaSetDevice(device);
    if (error == cudaSuccess)
        error = cudaStreamCreateWithFlags(&cuda->stream, cudaStreamNonBlocking);
    if (error == cudaSuccess) error = keep_freed_memory(device);
    if (error != cudaSuccess) status = device_failed("start", error);
    if (status == OK)
        status = cuda_staging_create(UPLOAD_SEGMENTS, SEGMENT_BYTES, &cuda->staging);
    if (status == OK) status = cuda_upload_create(device, &cuda->uploads);
    if (status == OK) status = cuda_graphs_create(cuda->stream, &cuda->graphs);
    if (status != OK) {
        destroy(base);
        return status;
    }
    base->pinned.context = cuda->uploads;
    *backend = base;
    return OK;
}

void backend_cuda_allow_tf32(struct backend *backend, bool allow)
{
    backend_of(backend)->tf32 = allow;
}

int backend_cuda_count(void)
{
    int n = 0;
    if (cudaGetDeviceCount(&n) == cudaSuccess) return n;
    (void)cudaGetLastError();
    return 0;
}
