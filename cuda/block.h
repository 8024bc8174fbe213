// Sums and lists that the threads of one block make together, always in the same order. Every
// thread of the block must call; blockDim.x is a multiple of 32, at most 1024, the others are 1.
#ifndef TARN_CUDA_BLOCK_H
#define TARN_CUDA_BLOCK_H

#include <stdint.h>

#include "cuda/launch.h"

enum { BLOCK_MAX_WARPS = 32 };

// The sum of `value` over the threads before this one; *total: over all of them.
static __device__ inline uint32_t block_sum_before(uint32_t value, uint32_t *total)
{
    __shared__ uint32_t of_warp[BLOCK_MAX_WARPS];
    uint32_t lane = threadIdx.x % 32, warp = threadIdx.x / 32, n_warps = blockDim.x / 32;
    uint32_t sum = value;
    for (uint32_t step = 1; step < 32; step *= 2) {
        uint32_t below = __shfl_up_sync(CUDA_ALL_LANES, sum, step);
        if (lane >= step) sum += below;
    }
    if (lane == 31) of_warp[warp] = sum;
    __syncthreads();
    uint32_t before = 0, all = 0;
    for (uint32_t w = 0; w < n_warps; w++) {
        if (w < warp) before += of_warp[w];
        all += of_warp[w];
    }
    __syncthreads(); // of_warp may be written again
    *total = all;
    return before + sum - value;
}

// How many threads before this one have is_set; *total: of all.
static __device__ inline uint32_t block_rank(bool is_set, uint32_t *total)
{
    return block_sum_before(is_set ? 1u : 0u, total);
}

// The sum over the block, to all of its threads.
static __device__ inline float block_sum(float value)
{
    __shared__ float of_warp[BLOCK_MAX_WARPS];
    for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(CUDA_ALL_LANES, value, step);
    if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = value;
    __syncthreads();
    float sum = 0.0f;
    for (uint32_t w = 0; w < blockDim.x / 32; w++) sum += of_warp[w];
    __syncthreads();
    return sum;
}

#endif
