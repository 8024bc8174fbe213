// Stands in for CUDA's header where kernels are compiled for the launch emulator: the part of the
// language and of the runtime that tarn's source uses (docs/cuda.md).
#ifndef TARN_TESTS_EMULATOR_CUDA_RUNTIME_H
#define TARN_TESTS_EMULATOR_CUDA_RUNTIME_H

#define CUDA_EMULATOR 1

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "tests/emulator/emulator.h"
#include "tests/emulator/runtime.h"

#define __global__
#define __device__
#define __host__
#define __constant__ static const
#define __forceinline__ inline __attribute__((always_inline))
#define __grid_constant__
#define __launch_bounds__(...)
// A section of its own, so that the emulator can fill it before each block.
#define __shared__ static __attribute__((section("tarn_shared")))

struct dim3 {
    unsigned x, y, z;
    dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_)
    {
    }
};

enum { warpSize = 32 };

#include "emulator_math.h"
#include "emulator_types.h"
#include "emulator_warp.h"

template <typename CALL> static void emulator_call(const void *context)
{
    (*(const CALL *)context)();
}

template <typename... PARAMETERS, typename... ARGUMENTS>
static void emulator_launch(const char *name, void (*kernel)(PARAMETERS...), dim3 grid, dim3 block,
                            size_t shared_bytes, cudaStream_t stream, ARGUMENTS... arguments)
{
    auto call = [=] { kernel(arguments...); };
    struct emulator_request launch;
    launch.kernel = name;
    launch.address = (const void *)kernel;
    launch.grid = {grid.x, grid.y, grid.z};
    launch.block = {block.x, block.y, block.z};
    launch.shared_bytes = shared_bytes;
    launch.stream = stream;
    launch.call = emulator_call<decltype(call)>;
    launch.context = &call;
    emulator_run(&launch);
}

template <typename KERNEL>
static inline cudaError_t cudaFuncSetAttribute(KERNEL *kernel, cudaFuncAttribute attribute,
                                               int value)
{
    return emulator_set_attribute((const void *)kernel, attribute, value);
}

#endif
