// Times pooling layers, forward and backward, against the machine's own copy bandwidth.
#ifndef TARN_CLI_BENCH_POOLS_H
#define TARN_CLI_BENCH_POOLS_H

#include "cli/pool_choice.h"
#include "nn/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { BENCH_POOLS_MAX_RUNS = 64 };

struct bench_pools_job {
    const char *device; // of train/device.h
    int64_t shape[4];   // N, H, W, C of x
    enum dtype dtype;   // DTYPE_F32 or DTYPE_BF16
    int runs;
};

struct bench_pool_result {
    double forward_seconds, backward_seconds;   // medians
    double forward_bytes, backward_bytes;       // inputs and outputs, each once
    double held_bytes;                          // for backward, beside x and y
};

struct bench_pools; // x, backend and tape

enum status bench_pools_open(const struct bench_pools_job *job,
                             struct bench_pools **bench) MUST_USE;
void bench_pools_close(struct bench_pools *bench);

// ERR_USAGE where the pool refuses the window. Bytes: forward x and y; backward dy and dx, and x
// where the pool reads it. Parameters do not count, nor does what is held, e.g. the places of max
// pooling. Times are the device's own where it has a timer.
enum status bench_pools_run(struct bench_pools *bench, const struct pool_choice *choice,
                            const struct window *window, struct bench_pool_result *result) MUST_USE;

// Bytes read and written a second by a copy within the device's memory, of blocks as large as x up
// to 256 MB: the median of several, on the CPU of the better kind. *kind names it.
enum status bench_pools_copy(const struct bench_pools *bench, double *bytes_per_second,
                             const char **kind) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
