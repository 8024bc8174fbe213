// Passes over a (rows, channels) matrix that follow or precede a matrix product: masks, sums per
// channel, additions. Sums are taken over blocks of rows of fixed size, so that results do not
// depend on the number of threads.
#ifndef TARN_CPU_ROWS_H
#define TARN_CPU_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rows_mask {
    size_t n_rows, n_channels;
    float *dy;      // in place: dy = y > 0 ? dy : 0; read only when y is NULL
    const float *y; // NULL: no mask
    float *copy;    // NULL, or copy = copy_beta * copy + masked dy
    float copy_beta; // 0 or 1
    float *sum;      // NULL, or (C): sum = sum_beta * sum + masked dy summed over rows
    float sum_beta;
};

// Bytes of scratch for rows_mask_run.
size_t rows_mask_scratch(const struct rows_mask *mask);
void rows_mask_run(const struct rows_mask *mask, void *scratch);

// y = relu?( y + bias + residual ); bias (C) and residual may be NULL.
void rows_epilogue(float *y, const float *bias, const float *residual, bool relu, size_t n_rows,
                   size_t n_channels);

void rows_zero(float *y, size_t n);

// y += x
void rows_add(float *y, const float *x, size_t n);

// y = beta * y + x * scale[row]; scale NULL: 1
void rows_scale_add(float *y, const float *x, const float *scale, float beta, size_t n_rows,
                    size_t n_columns);

// y = max(x, 0); dx = beta * dx + (y > 0 ? dy : 0)
void rows_relu(float *y, const float *x, size_t n);
void rows_relu_backward(float *dx, const float *dy, const float *y, float beta, size_t n);

// Of one thread, for loops that are parallel already: y = a + b, and
// y = beta * y + the sum over the height x width block of vectors at x, rows `pitch` floats apart.
void rows_sum(float *y, const float *a, const float *b, size_t n);
void rows_gather_sum(float *y, float beta, const float *x, size_t height, size_t width,
                     size_t pitch, size_t n);

#ifdef __cplusplus
}
#endif
#endif
