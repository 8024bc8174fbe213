// What memory gives to loops with the traffic of a pooling layer and no windows: reading alone, a
// copy, and four elements read for one written, as 2x2/2 windows have it. The last is the ceiling
// of max and average pooling on a machine whose cores cannot keep enough reads in flight.
//
//   gcc -O2 -march=native -fopenmp tools/bench_memory.c -o /tmp/bench_memory && /tmp/bench_memory
#include <immintrin.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

enum { RUNS = 9, LANES = 8, STEP = 4 * LANES };

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static __m256 largest(const float *x)
{
    __m256 a = _mm256_load_ps(x), b = _mm256_load_ps(x + LANES);
    __m256 c = _mm256_load_ps(x + 2 * LANES), d = _mm256_load_ps(x + 3 * LANES);
    return _mm256_max_ps(_mm256_max_ps(a, b), _mm256_max_ps(c, d));
}

static void copy(float *y, const float *x)
{
    for (int k = 0; k < STEP; k += LANES) _mm256_stream_ps(y + k, _mm256_load_ps(x + k));
}

int main(void)
{
    static const char *const names[] = {"read", "copy", "four read, one written"};
    const double bytes_per_float[] = {4, 8, 5};
    const size_t n = (size_t)8 * 400 * 672 * 64, n_steps = n / STEP;
    float *x = aligned_alloc(64, n * sizeof *x), *y = aligned_alloc(64, n * sizeof *y);
    if (!x || !y) return 1;
#pragma omp parallel for
    for (size_t i = 0; i < n; i++) x[i] = (float)i, y[i] = 0;
    float sum = 0;
    for (int kind = 0; kind < 3; kind++) {
        double seconds[RUNS];
        for (int run = 0; run < RUNS; run++) {
            double start = omp_get_wtime();
#pragma omp parallel for schedule(static) reduction(+ : sum)
            for (size_t i = 0; i < n_steps; i++) {
                if (kind == 0) sum += _mm256_cvtss_f32(largest(x + i * STEP));
                if (kind == 1) copy(y + i * STEP, x + i * STEP);
                if (kind == 2) _mm256_stream_ps(y + i * LANES, largest(x + i * STEP));
            }
            seconds[run] = omp_get_wtime() - start;
        }
        qsort(seconds, RUNS, sizeof *seconds, by_value);
        double median = seconds[RUNS / 2];
        double bytes = (double)n * bytes_per_float[kind];
        printf("%-24s %6.1f GB/s  %6.1f ms\n", names[kind], bytes / median * 1e-9, median * 1e3);
    }
    free(x), free(y);
    return sum < 0; // so that the reads are not left out
}
