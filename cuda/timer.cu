// The time between two events of the stream: what the device did, without the host's share.
#include "cuda/kernels.h"
#include "cuda/launch.h"

static enum status timer_failed(cudaError_t error)
{
    (void)cudaGetLastError(); // the next call tells its own
    return fail(ERR_DEVICE, "cuda: timer: %s", cudaGetErrorString(error));
}

static enum status timer_start(struct backend *backend)
{
    struct cuda_backend *cuda = (struct cuda_backend *)backend;
    cudaError_t error = cudaEventCreateWithFlags(&cuda->timer_start, 0);
    if (error == cudaSuccess) error = cudaEventRecord(cuda->timer_start, cuda->stream);
    return error == cudaSuccess ? OK : timer_failed(error);
}

static enum status timer_stop(struct backend *backend, double *seconds)
{
    struct cuda_backend *cuda = (struct cuda_backend *)backend;
    cudaEvent_t end;
    float milliseconds = 0.0f;
    cudaError_t error = cudaEventCreateWithFlags(&end, 0);
    if (error != cudaSuccess) return timer_failed(error);
    error = cudaEventRecord(end, cuda->stream);
    if (error == cudaSuccess) error = cudaEventSynchronize(end);
    if (error == cudaSuccess) error = cudaEventElapsedTime(&milliseconds, cuda->timer_start, end);
    (void)cudaEventDestroy(end);
    (void)cudaEventDestroy(cuda->timer_start);
    cuda->timer_start = NULL;
    if (error != cudaSuccess) return timer_failed(error);
    *seconds = (double)milliseconds * 1e-3;
    return OK;
}

static enum status timer_copy(struct backend *backend, void *to, const void *from, size_t bytes)
{
    struct cuda_backend *cuda = (struct cuda_backend *)backend;
    cudaError_t error = cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, cuda->stream);
    return error == cudaSuccess ? OK : timer_failed(error);
}

const struct backend_timer cuda_timer = {timer_start, timer_stop, timer_copy};
