#include "cpu/norm_rows.h"

#include "cpu/norm_rows_hot.h"

// A block is read twice, so it should stay in the second-level cache; its float sums have few
// enough terms to keep their digits.
enum { BLOCK_FLOATS = 1 << 15, MAX_BLOCK_ROWS = 256 };

static size_t block_rows(size_t n_channels)
{
    size_t rows = BLOCK_FLOATS / (n_channels ? n_channels : 1);
    if (rows < 8) rows = 8;
    return rows < MAX_BLOCK_ROWS ? rows : MAX_BLOCK_ROWS;
}

static size_t block_count(size_t n_rows, size_t n_channels)
{
    size_t rows = block_rows(n_channels);
    return (n_rows + rows - 1) / rows;
}

size_t norm_rows_scratch(size_t n_rows, size_t n_channels)
{
    return 2 * block_count(n_rows, n_channels) * n_channels * sizeof(float);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

void norm_moments(const float *x, size_t n_rows, size_t n_channels, double *mean, double *m2,
                  void *scratch)
{
    size_t rows = block_rows(n_channels), n_blocks = block_count(n_rows, n_channels);
    float *means = (float *)scratch, *m2s = means + n_blocks * n_channels;
#pragma omp parallel for schedule(static)
    for (size_t block = 0; block < n_blocks; block++)
        ISA_PICK(norm_moments_block)
        (x + block * rows * n_channels, smaller(rows, n_rows - block * rows), n_channels,
         means + block * n_channels, m2s + block * n_channels);
    // Chan, Golub and LeVeque's rule for joining two sets, in double.
#pragma omp parallel for schedule(static)
    for (size_t j = 0; j < n_channels; j++) {
        double total_mean = 0.0, total_m2 = 0.0, count = 0.0;
        for (size_t block = 0; block < n_blocks; block++) {
            double n = (double)smaller(rows, n_rows - block * rows);
            double delta = (double)means[block * n_channels + j] - total_mean;
            total_mean += delta * n / (count + n);
            total_m2 += (double)m2s[block * n_channels + j];
            total_m2 += delta * delta * count * n / (count + n);
            count += n;
        }
        mean[j] = total_mean;
        m2[j] = total_m2;
    }
}

void norm_apply_run(const struct norm_apply *apply)
{
    size_t rows = block_rows(apply->n_channels);
#pragma omp parallel for schedule(static)
    for (size_t begin = 0; begin < apply->n_rows; begin += rows)
        ISA_PICK(norm_apply_block)(apply, begin, smaller(begin + rows, apply->n_rows));
}

void norm_sums_run(const struct norm_sums *sums, void *scratch)
{
    size_t n_channels = sums->n_channels, rows = block_rows(n_channels);
    size_t n_blocks = block_count(sums->n_rows, n_channels);
    float *partial = (float *)scratch, *partial_x = partial + n_blocks * n_channels;
#pragma omp parallel for schedule(static)
    for (size_t block = 0; block < n_blocks; block++)
        ISA_PICK(norm_sums_block)
        (sums, block * rows, smaller((block + 1) * rows, sums->n_rows),
         partial + block * n_channels, partial_x + block * n_channels);
#pragma omp parallel for schedule(static)
    for (size_t j = 0; j < n_channels; j++) {
        double sum = 0.0, sum_x = 0.0;
        for (size_t block = 0; block < n_blocks; block++) {
            sum += (double)partial[block * n_channels + j];
            sum_x += (double)partial_x[block * n_channels + j];
        }
        sums->sum[j] = sum;
        sums->sum_x[j] = sum_x;
    }
}

void norm_dx_run(const struct norm_dx *dx)
{
    size_t rows = block_rows(dx->n_channels);
#pragma omp parallel for schedule(static)
    for (size_t begin = 0; begin < dx->n_rows; begin += rows)
        ISA_PICK(norm_dx_block)(dx, begin, smaller(begin + rows, dx->n_rows));
}
