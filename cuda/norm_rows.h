// What batch and group normalisation share: a map is `n_images` matrices of rows and channels with
// `groups` of channels that have statistics in common. Batch normalisation is one image with a
// group a channel.
//
// Blocks take rows of a fixed number that follows from the shape, and their sums are added in
// order, in double.
#ifndef TARN_CUDA_NORM_ROWS_H
#define TARN_CUDA_NORM_ROWS_H

#include "cuda/kernels.h"

struct norm_shape {
    size_t n_images, n_rows; // rows of an image
    unsigned c, groups, width; // width: channels of a group
    unsigned block_rows, n_blocks; // of an image
};

struct norm_shape norm_shape_of(size_t n_images, size_t n_rows, size_t n_channels, size_t groups);

struct norm_args {
    struct norm_shape shape;
    struct tensor *x, *gamma, *beta, *residual, *y; // residual may be NULL
    float *mean, *rstd; // (n_images, groups)
    double eps;
    bool relu;
};

// Bytes of scratch of the two functions below.
size_t norm_scratch(const struct norm_shape *shape);

// Mean and 1 / sqrt(var + eps) of each image and group. running_mean NULL: no running statistics;
// else they move by `momentum`, with the unbiased variance.
enum status norm_moments(const struct op_call *call, const struct norm_args *args, void *scratch,
                         float *running_mean, float *running_var, double momentum) MUST_USE;

// y = relu?( (x - mean) * rstd * gamma + beta + residual )
enum status norm_apply(const struct op_call *call, const struct norm_args *args) MUST_USE;

// Gradients of x, gamma, beta, residual, where the inputs of these numbers are wanted.
// depends: the statistics are functions of x.
struct norm_inputs {
    int x, gamma, beta, residual;
};
enum status norm_backward(const struct op_backward_call *backward, const struct norm_args *args,
                          struct norm_inputs inputs, bool depends, void *scratch) MUST_USE;

#endif
