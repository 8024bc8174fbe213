#include "tests/emulator/faulty.h"

#include "cuda/launch.h"

enum { BLOCK = 64, MUCH = 64 << 10 };

static __global__ void reverse(int *data, int n)
{
    CUDA_DYNAMIC_SHARED(int, shared);
    int i = (int)threadIdx.x, first = (int)(blockIdx.x * blockDim.x);
    if (first + i < n) shared[i] = data[first + i];
    __syncthreads();
    if (first + i < n) data[first + i] = shared[BLOCK - 1 - i];
}

static __global__ void warp_scan(int *data)
{
    __shared__ int of_warp[BLOCK / 32];
    int i = (int)threadIdx.x, lane = i % 32, value = data[i], sum = value;
    for (unsigned step = 1; step < 32; step *= 2) {
        int below = __shfl_up_sync(0xFFFFFFFFu, sum, step);
        if (lane >= (int)step) sum += below;
    }
    if (lane == 31) of_warp[i / 32] = sum;
    __syncthreads();
    for (int w = 0; w < i / 32; w++) sum += of_warp[w];
    data[i] = sum - value;
}

// data[i]: the number of checks that lane i passes.
static __global__ void shuffles(int *data)
{
    const unsigned all = 0xFFFFFFFFu;
    int lane = (int)threadIdx.x, passed = 0;
    passed += __shfl_sync(all, lane * 10, 7) == 70;
    passed += __shfl_sync(all, lane, 3, 8) == lane / 8 * 8 + 3;
    passed += __shfl_down_sync(all, lane, 1) == (lane < 31 ? lane + 1 : 31);
    passed += __shfl_down_sync(all, lane, 2, 4) == (lane % 4 < 2 ? lane + 2 : lane);
    passed += __shfl_up_sync(all, lane, 3) == (lane > 2 ? lane - 3 : lane);
    passed += __shfl_xor_sync(all, lane, 16) == (lane ^ 16);
    passed += __shfl_xor_sync(all, 1.5 * lane, 1) == 1.5 * (lane ^ 1);
    passed += __ballot_sync(all, lane % 3 == 0) == 0x49249249u;
    passed += __any_sync(all, lane == 31) == 1;
    passed += __all_sync(all, lane < 31) == 0;
    data[lane] = passed;
}

static __global__ void grid_kernel(int *data)
{
    unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
    unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
    data[block * (blockDim.x * blockDim.y * blockDim.z) + thread] = (int)(block * 1000 + thread);
}

static __global__ void atomics(int *data)
{
    atomicAdd(&data[0], 1);
    atomicMax(&data[1], (int)threadIdx.x);
    atomicMin(&data[2], -(int)threadIdx.x);
    atomicOr(&data[3], 1 << threadIdx.x % 8);
    for (int old = data[4]; atomicCAS(&data[4], old, old + 2) != old;) old = data[4];
}

static __global__ void no_barrier(int *data)
{
    __shared__ int shared[BLOCK];
    shared[threadIdx.x] = (int)threadIdx.x;
    data[threadIdx.x] = shared[(threadIdx.x + 1) % BLOCK];
}

static __global__ void half_at_barrier(int *data)
{
    if (threadIdx.x >= BLOCK / 2) return;
    __syncthreads();
    data[threadIdx.x] = 0;
}

static __global__ void two_barriers(int *data)
{
    if (threadIdx.x < BLOCK / 2) {
        __syncthreads();
        data[threadIdx.x] = 0;
    } else {
        __syncthreads();
        data[threadIdx.x] = 1;
    }
}

static __global__ void half_shuffles(int *data)
{
    if (threadIdx.x % 32 >= 16) return;
    data[threadIdx.x] = __shfl_xor_sync(0xFFFFFFFFu, data[threadIdx.x], 1);
}

static __global__ void two_shuffles(int *data)
{
    int value = data[threadIdx.x];
    if (threadIdx.x % 2 == 0) {
        value = __shfl_xor_sync(0xFFFFFFFFu, value, 1);
    } else {
        value = __shfl_xor_sync(0xFFFFFFFFu, value, 1);
    }
    data[threadIdx.x] = value;
}

static __global__ void shuffle_with(int *data, unsigned mask)
{
    data[threadIdx.x] = __shfl_down_sync(mask, data[threadIdx.x], 1);
}

static __global__ void shared_overrun(int *data, int n)
{
    CUDA_DYNAMIC_SHARED(int, shared);
    if (threadIdx.x == 0) shared[n] = 1;
    data[threadIdx.x] = 0;
}

static __global__ void static_overrun(int *data, int n)
{
    __shared__ int shared[BLOCK];
    int *volatile place = shared; // through a pointer, or the compiler's check of indices comes first
    place[threadIdx.x + (unsigned)n - 2 * BLOCK + 1] = 1;
    data[threadIdx.x] = shared[0];
}

static __global__ void much_shared(int *data)
{
    CUDA_DYNAMIC_SHARED(char, shared);
    shared[MUCH - 1] = 1;
    data[0] = shared[MUCH - 1];
}

static __global__ void race_of_blocks(int *data)
{
    data[1 + blockIdx.x] = data[blockIdx.x] + 2;
}

static int result_of(const char **text)
{
    cudaError_t error = cudaGetLastError();
    *text = cudaGetErrorString(error);
    return (int)error;
}

int emu_run(enum faulty which, int *data, int n, const char **text)
{
    cudaStream_t stream = NULL;
    const dim3 grid(2, 3, 2), block(4, 2, 2);
    switch (which) {
    case EMU_REVERSE:
        CUDA_LAUNCH(reverse, (unsigned)n / BLOCK, BLOCK, BLOCK * sizeof(int), stream, data, n);
        break;
    case EMU_WARP_SCAN:
        CUDA_LAUNCH(warp_scan, 1, BLOCK, 0, stream, data);
        break;
    case EMU_SHUFFLES:
        CUDA_LAUNCH(shuffles, 1, 32, 0, stream, data);
        break;
    case EMU_GRID:
        CUDA_LAUNCH(grid_kernel, grid, block, 0, stream, data);
        break;
    case EMU_ATOMICS:
        CUDA_LAUNCH(atomics, 3, BLOCK, 0, stream, data);
        break;
    case EMU_NO_BARRIER:
        CUDA_LAUNCH(no_barrier, 1, BLOCK, 0, stream, data);
        break;
    case EMU_HALF_AT_BARRIER:
        CUDA_LAUNCH(half_at_barrier, 1, BLOCK, 0, stream, data);
        break;
    case EMU_TWO_BARRIERS:
        CUDA_LAUNCH(two_barriers, 1, BLOCK, 0, stream, data);
        break;
    case EMU_HALF_SHUFFLES:
        CUDA_LAUNCH(half_shuffles, 1, BLOCK, 0, stream, data);
        break;
    case EMU_TWO_SHUFFLES:
        CUDA_LAUNCH(two_shuffles, 1, BLOCK, 0, stream, data);
        break;
    case EMU_PARTIAL_MASK:
        CUDA_LAUNCH(shuffle_with, 1, 32, 0, stream, data, 0xFFFFu);
        break;
    case EMU_SMALL_WARP:
        CUDA_LAUNCH(shuffle_with, 1, 48, 0, stream, data, 0xFFFFFFFFu);
        break;
    case EMU_SHARED_OVERRUN:
        CUDA_LAUNCH(shared_overrun, 1, 32, 8 * sizeof(int), stream, data, 8);
        break;
    case EMU_STATIC_OVERRUN:
        CUDA_LAUNCH(static_overrun, 1, BLOCK, 0, stream, data, 2 * BLOCK);
        break;
    case EMU_EMPTY_GRID:
        CUDA_LAUNCH(shuffles, 0, 32, 0, stream, data);
        break;
    case EMU_MANY_THREADS:
        CUDA_LAUNCH(shuffles, 1, 2048, 0, stream, data);
        break;
    case EMU_MUCH_SHARED:
        CUDA_LAUNCH(much_shared, 1, 1, MUCH, stream, data);
        break;
    case EMU_RACE_OF_BLOCKS:
        CUDA_LAUNCH(race_of_blocks, (unsigned)n - 1, 1, 0, stream, data);
        break;
    }
    return result_of(text);
}

int emu_run_asked(int *data, const char **text)
{
    (void)cudaFuncSetAttribute(much_shared, cudaFuncAttributeMaxDynamicSharedMemorySize, MUCH);
    return emu_run(EMU_MUCH_SHARED, data, 1, text);
}
