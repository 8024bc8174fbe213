// The launch emulator: runs CUDA kernels, compiled as C++, on the processor.
//
// Blocks run one after another, the threads of a block on fibers, in an order that changes from
// launch to launch, so that what depends on it shows as a result that does not repeat. Found and
// reported as a failed launch (cudaGetLastError):
//   - a barrier that some threads of the block do not reach, or that they reach at different places
//     of the source;
//   - a shuffle or vote that some lanes of the warp do not reach, in a warp of less than 32 threads
//     or with a mask of less than 32 lanes;
//   - writes behind the dynamic shared memory (with the address sanitizer: any access beyond it);
//   - launches that no GPU takes: an empty grid, more than 1024 threads, more shared memory than
//     was asked for with cudaFuncSetAttribute.
// With the address sanitizer the host's accesses to device memory are found, too.
// Device memory and shared memory begin as NaN. One thread of the host at a time, but for pinned
// memory.
#ifndef TARN_TESTS_EMULATOR_EMULATOR_H
#define TARN_TESTS_EMULATOR_EMULATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct uint3 {
    unsigned x, y, z;
} uint3;

// Of the emulated thread that runs.
extern uint3 threadIdx, blockIdx, blockDim, gridDim;

// ---- what the emulated cuda_runtime.h calls ----------------------------------------------------

struct emulator_request {
    const char *kernel;  // its name, for messages
    const void *address; // its address, for cudaFuncSetAttribute
    uint3 grid, block;
    size_t shared_bytes;
    const void *stream;
    void (*call)(const void *context); // runs one thread of the kernel
    const void *context;
};

// Runs all blocks. An error is kept for cudaGetLastError.
void emulator_run(const struct emulator_request *launch);

void *emulator_dynamic_shared(void);
void emulator_barrier(const char *file, int line);

// All lanes of a warp hand in a value; returns the 32 values, valid until the lane's next call.
const uint64_t *emulator_exchange(const char *what, unsigned mask, uint64_t value, const char *file,
                                  int line);
unsigned emulator_lane(void);

// ---- for tests ---------------------------------------------------------------------------------

// The machine that is pretended; 0 devices: none. capability: 90 is 9.0.
void emulator_set_device(int n_devices, int capability, size_t memory_bytes);

// The number of launches so far.
unsigned long emulator_launch_count(void);

// Kernels are counted and checked as launches, but not run: device memory keeps what it held. For
// tests of what the host does.
void emulator_skip_kernels(bool skips);

// How often the host has waited for the device: for a stream or an event, or for a copy into memory
// that is not pinned. Waits for a stream that no kernel was ever launched on do not count: only
// copies travel there.
unsigned long emulator_wait_count(void);

// Text of the last failed launch; empty: none.
const char *emulator_message(void);

// ---- between launch.c and runtime.c ------------------------------------------------------------

// Keeps the first message until it is cleared; while there is one nothing is launched.
void emulator_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void emulator_clear(void);
void emulator_note_kernel(const void *stream); // was launched there
void emulator_lock(bool locks); // other threads may ask for pinned memory meanwhile; recursive
// Device memory. To kernels what arenas handed out, or all where no arena is.
enum visibility { VISIBLE_NOTHING, VISIBLE_OBJECTS, VISIBLE_ALL };
void emulator_show_memory(enum visibility visible);
void emulator_flush_copies(void);        // of the stream, before what is queued behind them
bool emulator_shared_allowed(const void *kernel, size_t bytes);

#ifdef __cplusplus
}
#endif
#endif
