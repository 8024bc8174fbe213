#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "cuda/vec.h"

// Chunks of fixed size, added in order: the same sum on every GPU.
enum { SQUARES_CHUNK = 1 << 15, SQUARES_WARPS = CUDA_BLOCK / 32 };

// The sum over the block's threads, in thread 0.
static __device__ double sum_squares_block(double sum)
{
    __shared__ double of_warp[SQUARES_WARPS];
    for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(CUDA_ALL_LANES, sum, step);
    if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = sum;
    __syncthreads();
    sum = 0.0;
    for (int w = 0; w < SQUARES_WARPS; w++) sum += of_warp[w];
    return sum;
}

static __global__ void sum_squares_chunk_kernel(double *sums, const float *x, size_t n)
{
    size_t begin = (size_t)blockIdx.x * SQUARES_CHUNK, end = begin + SQUARES_CHUNK;
    if (end > n) end = n;
    size_t whole = begin + (end - begin) / 4 * 4;
    double sum = 0.0;
    for (size_t i = begin + threadIdx.x * 4; i < whole; i += CUDA_BLOCK * 4) {
        float v[4];
        vec_load<4>(v, x + i);
#pragma unroll
        for (int k = 0; k < 4; k++) sum += (double)v[k] * (double)v[k];
    }
    if (whole + threadIdx.x < end) {
        double v = (double)x[whole + threadIdx.x];
        sum += v * v;
    }
    sum = sum_squares_block(sum);
    if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

static __global__ void sum_squares_kernel(float *out, const double *sums, size_t n_chunks)
{
    double sum = 0.0;
    for (size_t i = threadIdx.x; i < n_chunks; i += CUDA_BLOCK) sum += sums[i];
    sum = sum_squares_block(sum);
    if (threadIdx.x == 0) *out = (float)sum;
}

enum status cuda_sum_squares_forward(const struct op_call *call)
{
    size_t n = tensor_count(call->in[0]), n_chunks = (n + SQUARES_CHUNK - 1) / SQUARES_CHUNK;
    void *scratch = NULL;
    TRY(call->backend->scratch(call->backend, n_chunks * sizeof(double), &scratch));
    if (n_chunks > 0)
        CUDA_LAUNCH(sum_squares_chunk_kernel, (unsigned)n_chunks, CUDA_BLOCK, 0, cuda_stream(call),
                    (double *)scratch, (const float *)call->in[0]->data, n);
    CUDA_LAUNCH(sum_squares_kernel, 1, CUDA_BLOCK, 0, cuda_stream(call),
                (float *)call->out[0]->data, (const double *)scratch, n_chunks);
    return cuda_check(call, "sum_squares");
}
