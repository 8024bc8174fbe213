#include "cli/peak.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "cpu/onednn.h"
#include "nn/ops.h"
#include "nn/ops_map.h"

enum { LARGEST = 3072, DEVICE_SIDE = 8192, REPEATS = 5 };

static enum status measure_size(int n, const float *a, const float *b, float *c, double *best)
{
    double work = 2.0 * n * (double)n * n * 1e-9;
    for (int transposed = 0; transposed < 2; transposed++) {
        for (int i = 0; i <= REPEATS; i++) { // the first one builds the kernel
            double start = clock_seconds();
            TRY(onednn_sgemm(false, transposed != 0, n, n, n, a, b, 0, c));
            double seconds = clock_seconds() - start;
            if (i > 0 && seconds > 0 && work / seconds > *best) *best = work / seconds;
        }
    }
    return OK;
}

static enum status measure_cpu(double *gflops)
{
    static const int sizes[] = {1024, 2048, LARGEST};
    size_t n = (size_t)LARGEST * LARGEST;
    float *a = (float *)mem_alloc(n, sizeof *a), *b = (float *)mem_alloc(n, sizeof *b);
    float *c = (float *)mem_alloc(n, sizeof *c);
    double best = 0;
    enum status status = a && b && c ? OK : ERR_MEMORY;
    if (status != OK) goto done;
    for (size_t i = 0; i < n; i += 4) {
        struct rng_block block = rng_philox(1, RNG_TEST, 0, i);
        for (size_t j = 0; j < 4; j++) {
            a[i + j] = rng_to_uniform(block.v[j]) - 0.5f;
            b[i + j] = rng_to_uniform(block.v[3 - j]) - 0.5f;
        }
    }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        GUARD(measure_size(sizes[i], a, b, c, &best));
    *gflops = best;
done:
    mem_free(a);
    mem_free(b);
    mem_free(c);
    return status;
}

// One product of side n, timed to its end.
static enum status measure_product(struct tape *tape, struct tensor *a, struct tensor *b, int64_t n,
                                   double *best)
{
    static const struct linear_args args = {.relu = false};
    struct backend *backend = tape->backend;
    for (int i = -1; i < REPEATS; i++) {
        struct tensor *c = NULL;
        TRY(backend->synchronize(backend));
        double start = clock_seconds();
        TRY(linear(tape, a, b, NULL, &args, &c));
        TRY(backend->synchronize(backend));
        double seconds = clock_seconds() - start;
        double rate = 2e-9 * (double)n * (double)n * (double)n / seconds;
        if (i >= 0 && rate > *best) *best = rate;
        tape_drop(tape, c);
    }
    return OK;
}

static enum status measure_device(struct tape *tape, bool bf16, double *gflops)
{
    static const struct cast_args narrow = {DTYPE_BF16};
    const int64_t shape[2] = {DEVICE_SIDE, DEVICE_SIDE};
    size_t n = (size_t)DEVICE_SIDE * DEVICE_SIDE;
    struct tensor *a = NULL, *b = NULL;
    double best = 0;
    enum status status = OK;
    float *host = (float *)mem_alloc(n, sizeof *host);
    if (!host) return ERR_MEMORY;
    for (size_t i = 0; i < n; i += 4) {
        struct rng_block block = rng_philox(1, RNG_TEST, 0, i);
        for (size_t j = 0; j < 4; j++) host[i + j] = rng_to_uniform(block.v[j]) - 0.5f;
    }
    tape->recording = tape->training = false;
    tape_reset(tape);
    GUARD(tape_upload(tape, DTYPE_F32, 2, shape, host, &b));
    a = b;
    if (bf16) GUARD(cast(tape, b, &narrow, &a));
    b->is_param = true; // its other forms are made once, not within each product
    GUARD(measure_product(tape, a, b, DEVICE_SIDE, &best));
    *gflops = best;
done:
    tape->backend->params_changed(tape->backend);
    tape_reset(tape);
    mem_free(host);
    return status;
}

enum status peak_measure(struct tape *tape, bool bf16, double *gflops)
{
    return tape->backend->is_async ? measure_device(tape, bf16, gflops) : measure_cpu(gflops);
}
