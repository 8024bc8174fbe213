#include "cli/peak.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "cpu/onednn.h"

enum { LARGEST = 3072, REPEATS = 5 };

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

enum status peak_measure(double *gflops)
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
