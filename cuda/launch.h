// How kernels are started. The same source is compiled by nvcc for the GPU and by a C++ compiler
// for the launch emulator of tests/emulator, which puts its own cuda_runtime.h first on the include
// path; nothing else in cuda/ knows of it (docs/cuda.md).
#ifndef TARN_CUDA_LAUNCH_H
#define TARN_CUDA_LAUNCH_H

#include <cuda_runtime.h>
#include <stdint.h>

// CUDA_LAUNCH(kernel, grid, block, shared_bytes, stream, arguments...): errors show in cuda_check
// (cuda/kernels.h). A kernel with commas in its name stands in parentheses: (pool<float, 4>).
//
// CUDA_DYNAMIC_SHARED(type, name): a pointer to the shared memory of the launch's size, 16-byte
// aligned.
#ifdef CUDA_EMULATOR
#define CUDA_LAUNCH(kernel, grid, block, shared_bytes, stream, ...)                                \
    emulator_launch(#kernel, kernel, grid, block, shared_bytes, stream, __VA_ARGS__)
#define CUDA_DYNAMIC_SHARED(type, name) type *const name = (type *)emulator_dynamic_shared()
#else
#define CUDA_LAUNCH(kernel, grid, block, shared_bytes, stream, ...)                                \
    kernel<<<grid, block, shared_bytes, stream>>>(__VA_ARGS__)
#define CUDA_DYNAMIC_SHARED(type, name)                                                            \
    extern __shared__ uint4 cuda_dynamic_shared[];                                                 \
    type *const name = (type *)cuda_dynamic_shared
#endif

enum { CUDA_BLOCK = 256, CUDA_MAX_BLOCKS = 1 << 16 };
#define CUDA_ALL_LANES 0xFFFFFFFFu

// Blocks of CUDA_BLOCK threads for n pieces of work, at most CUDA_MAX_BLOCKS of them: threads
// stride by CUDA_STEP. 0 for n == 0, where nothing may be launched.
static inline unsigned cuda_blocks(size_t n)
{
    size_t blocks = (n + CUDA_BLOCK - 1) / CUDA_BLOCK, most = CUDA_MAX_BLOCKS;
    return (unsigned)(blocks < most ? blocks : most);
}

#define CUDA_FIRST ((size_t)blockIdx.x * blockDim.x + threadIdx.x)
#define CUDA_STEP  ((size_t)gridDim.x * blockDim.x)

#endif
