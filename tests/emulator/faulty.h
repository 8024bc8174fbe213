// Small kernels, right and wrong ones, by which the emulator itself is tested. Each returns what
// cudaGetLastError says after the launch; text: its message.
#ifndef TARN_TESTS_EMULATOR_FAULTY_H
#define TARN_TESTS_EMULATOR_FAULTY_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum faulty {
    // Right.
    EMU_REVERSE,   // out[i] = in[n - 1 - i] of a block, through shared memory
    EMU_WARP_SCAN, // sums before each thread, by shuffles and a barrier
    EMU_SHUFFLES,  // all kinds of shuffles and votes, against what they are defined as
    EMU_GRID,      // three-dimensional grid and blocks: each thread counts its place
    EMU_ATOMICS,
    // Wrong.
    EMU_NO_BARRIER,       // reads shared memory before the others have written it
    EMU_HALF_AT_BARRIER,  // half of the block returns before the barrier
    EMU_TWO_BARRIERS,     // the halves wait at barriers of their own
    EMU_HALF_SHUFFLES,    // half of a warp shuffles, the other half returns
    EMU_TWO_SHUFFLES,     // the halves shuffle at different places
    EMU_PARTIAL_MASK,     // a shuffle with half the lanes in its mask
    EMU_SMALL_WARP,       // a shuffle in a block of 48 threads
    EMU_SHARED_OVERRUN,   // writes one element behind the dynamic shared memory
    EMU_STATIC_OVERRUN,   // the same behind a __shared__ array
    EMU_EMPTY_GRID,
    EMU_MANY_THREADS,     // 2048 in a block
    EMU_MUCH_SHARED,      // 64 KiB without having asked
    EMU_RACE_OF_BLOCKS,   // each block adds to what the blocks before it wrote
};

// data: device memory of n ints. Returns the error's number.
int emu_run(enum faulty which, int *data, int n, const char **text);

// Runs EMU_MUCH_SHARED after asking for the memory.
int emu_run_asked(int *data, const char **text);

#ifdef __cplusplus
}
#endif
#endif
