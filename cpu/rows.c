#include "cpu/rows.h"

#include <string.h>

#include "cpu/rows_hot.h"

// Rows of a block: few enough that a float sums them to full precision, many enough to amortise
// the reduction of the blocks' sums.
enum { BLOCK_ROWS = 256, BLOCK_FLOATS = 1 << 14 };

static size_t n_blocks(const struct rows_mask *mask)
{
    return (mask->n_rows + BLOCK_ROWS - 1) / BLOCK_ROWS;
}

size_t rows_mask_scratch(const struct rows_mask *mask)
{
    return mask->sum ? n_blocks(mask) * mask->n_channels * sizeof(float) : 0;
}

void rows_mask_run(const struct rows_mask *mask, void *scratch)
{
    if (!mask->y && !mask->copy && !mask->sum) return;
    float *partial = mask->sum ? (float *)scratch : NULL;
    size_t blocks = n_blocks(mask), channels = mask->n_channels;
#pragma omp parallel for schedule(static)
    for (size_t block = 0; block < blocks; block++) {
        size_t begin = block * BLOCK_ROWS, end = begin + BLOCK_ROWS;
        ISA_PICK(rows_mask_block)
        (mask, begin, end < mask->n_rows ? end : mask->n_rows,
         partial ? partial + block * channels : NULL);
    }
    if (!partial) return;
    for (size_t j = 0; j < channels; j++) {
        double sum = 0.0;
        for (size_t block = 0; block < blocks; block++)
            sum += (double)partial[block * channels + j];
        mask->sum[j] = mask->sum_beta != 0.0f ? (float)((double)mask->sum[j] + sum) : (float)sum;
    }
}

void rows_zero(float *y, size_t n)
{
#pragma omp parallel for schedule(static)
    for (size_t begin = 0; begin < n; begin += BLOCK_FLOATS) {
        size_t count = n - begin < BLOCK_FLOATS ? n - begin : BLOCK_FLOATS;
        memset(y + begin, 0, count * sizeof *y);
    }
}

void rows_add(float *y, const float *x, size_t n)
{
#pragma omp parallel for schedule(static)
    for (size_t begin = 0; begin < n; begin += BLOCK_FLOATS) {
        size_t count = n - begin < BLOCK_FLOATS ? n - begin : BLOCK_FLOATS;
        ISA_PICK(rows_add_block)(y + begin, x + begin, count);
    }
}

void rows_scale_add(float *y, const float *x, const float *scale, float beta, size_t n_rows,
                    size_t n_columns)
{
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n_rows; i++)
        ISA_PICK(rows_scale_add_block)
        (y + i * n_columns, x + i * n_columns, scale ? scale[i] : 1.0f, beta, n_columns);
}

void rows_epilogue(float *y, const float *bias, const float *residual, bool relu, size_t n_rows,
                   size_t n_channels)
{
    if (!bias && !residual && !relu) return;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n_rows; i++)
        ISA_PICK(rows_epilogue_block)
        (y + i * n_channels, bias, residual ? residual + i * n_channels : NULL, relu, n_channels);
}

void rows_relu(float *y, const float *x, size_t n)
{
#pragma omp parallel for schedule(static)
    for (size_t begin = 0; begin < n; begin += BLOCK_FLOATS) {
        size_t count = n - begin < BLOCK_FLOATS ? n - begin : BLOCK_FLOATS;
        ISA_PICK(rows_relu_block)(y + begin, x + begin, count);
    }
}

void rows_relu_backward(float *dx, const float *dy, const float *y, float beta, size_t n)
{
#pragma omp parallel for schedule(static)
    for (size_t begin = 0; begin < n; begin += BLOCK_FLOATS) {
        size_t count = n - begin < BLOCK_FLOATS ? n - begin : BLOCK_FLOATS;
        ISA_PICK(rows_relu_backward_block)(dx + begin, dy + begin, y + begin, beta, count);
    }
}

void rows_sum(float *y, const float *a, const float *b, size_t n)
{
    ISA_PICK(rows_sum_block)(y, a, b, n);
}

void rows_gather_sum(float *y, float beta, const float *x, size_t height, size_t width,
                     size_t pitch, size_t n)
{
    ISA_PICK(rows_gather_sum_block)(y, beta, x, height, width, pitch, n);
}
