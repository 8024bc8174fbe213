// The passes over a (rows, channels) matrix that batch and group normalisation share. Per-channel
// values are double where they are sums; blocks of rows have a fixed size, so that results do not
// depend on the number of threads.
#ifndef TARN_CPU_NORM_ROWS_H
#define TARN_CPU_NORM_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

// Bytes of scratch that each function below needs.
size_t norm_rows_scratch(size_t n_rows, size_t n_channels);

// mean[c] and m2[c], the sum of squared deviations from it.
void norm_moments(const float *x, size_t n_rows, size_t n_channels, double *mean, double *m2,
                  void *scratch);

// y = relu?( (x - mean) * a + b + residual ); mean, a, b per channel, residual may be NULL.
struct norm_apply {
    size_t n_rows, n_channels;
    const float *x, *residual, *mean, *a, *b;
    float *y;
    bool relu;
};
void norm_apply_run(const struct norm_apply *apply);

// Masks dy by y > 0 in place (y NULL: no mask), adds it to the residual's gradient if there is
// one, and sums dy and dy * (x - mean) per channel.
struct norm_sums {
    size_t n_rows, n_channels;
    float *dy;
    const float *x, *y, *mean;
    float *dresidual; // or NULL
    float beta;       // dresidual = beta * dresidual + dy
    double *sum, *sum_x;
};
void norm_sums_run(const struct norm_sums *sums, void *scratch);

// dx = beta * dx + dy * p + q + (x - mean) * r; p, q, r per channel.
struct norm_dx {
    size_t n_rows, n_channels;
    const float *x, *dy, *mean, *p, *q, *r;
    float *dx;
    float beta;
};
void norm_dx_run(const struct norm_dx *dx);

#ifdef __cplusplus
}
#endif
#endif
