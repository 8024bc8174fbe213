// Operations on maps that composed pooling layers are made of (backbone/pool/).
// Maps are (N,H,W,C) f32 where nothing else is said. ERR_USAGE: shapes that do not fit.
#ifndef TARN_NN_OPS_MAP_H
#define TARN_NN_OPS_MAP_H

#include "nn/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

// y = sum_i exp(l_i) x_i / sum_i exp(l_i) over each window, for every channel (LIP, Gao et al.
// 2019). logits l are of x's shape, and may be x itself. window.kernel 0: the whole map.
// Kernel inputs: x, logits. Kernel outputs: y; when recording also the windows' max l and
// 1 / sum exp(l - max l), of y's shape.
struct weighted_pool_args {
    struct window window;
};
enum status weighted_pool(struct tape *tape, struct tensor *x, struct tensor *logits,
                          const struct weighted_pool_args *args, struct tensor **y) MUST_USE;

// Every channel convolved with its own filter: w (kh,kw,C), bias (C) or NULL; padding is zero.
// The window's kernel is w's. Kernel inputs: x, w, bias.
struct depthwise_conv2d_args {
    struct window window;
};
enum status depthwise_conv2d(struct tape *tape, struct tensor *x, struct tensor *w,
                             struct tensor *bias, const struct depthwise_conv2d_args *args,
                             struct tensor **y) MUST_USE;

// The binomial filter of `size` x `size` (1 to 7; of 4: [1 3 3 1]/8 in each direction) at every
// stride_h-th row and stride_w-th column; the map is continued by reflection without its border,
// (size - 1) / 2 elements to the top and left, size / 2 to the bottom and right (Zhang 2019).
// y (N, (H - 1) / stride_h + 1, (W - 1) / stride_w + 1, C).
enum { BLUR_MAX_SIZE = 7 };
struct blur_args {
    int size, stride_h, stride_w;
};
enum status blur(struct tape *tape, struct tensor *x, const struct blur_args *args,
                 struct tensor **y) MUST_USE;

// Elements offset, offset + step, ... along an axis: SUBSAMPLE_ROWS or SUBSAMPLE_COLUMNS. y has
// length / step of them (rounded down).
enum subsample_axis { SUBSAMPLE_ROWS = 1, SUBSAMPLE_COLUMNS = 2 };
struct subsample_args {
    int axis, step, offset; // 0 <= offset < step <= length
};
enum status subsample(struct tape *tape, struct tensor *x, const struct subsample_args *args,
                      struct tensor **y) MUST_USE;

// y = a u + b v; of one shape, any rank. v may be u.
struct combine_args {
    float a, b;
};
enum status combine(struct tape *tape, struct tensor *u, struct tensor *v,
                    const struct combine_args *args, struct tensor **y) MUST_USE;

// y = shift + scale / (1 + exp(-slope x)), any shape. tanh x: slope 2, scale 2, shift -1.
struct logistic_args {
    float slope, scale, shift;
};
enum status logistic(struct tape *tape, struct tensor *x, const struct logistic_args *args,
                     struct tensor **y) MUST_USE;

// FlexPooling's weights for a map of height x width: of the parameter theta (G*G,C), a square grid
// of numbers for each channel, resampled bilinearly to that size,
//   softmax:   y[p,c] = exp(t[p,c]) / sum_q exp(t[q,c]), t the resampled grid;
//   otherwise: y[p,c] = t[p,c] * G*G / (height*width), so that a grid's sum stays what it is.
// y (height,width,C): as depthwise_conv2d takes its filters. Kernel inputs: theta.
struct flex_weights_args {
    int height, width;
    bool softmax;
    uint8_t zero[3];
};
enum status flex_weights(struct tape *tape, struct tensor *theta,
                         const struct flex_weights_args *args, struct tensor **y) MUST_USE;

// loss (1) = factor * sum_c (sum_i w[i,c] - 1)^2: what FlexPooling adds where its weights are free.
// w (n,C). Kernel inputs: w.
struct unit_sum_loss_args {
    float factor;
};
enum status unit_sum_loss(struct tape *tape, struct tensor *w,
                          const struct unit_sum_loss_args *args, struct tensor **loss) MUST_USE;

// x in another type, f32 or bf16 (to the nearest, ties to even); any shape.
struct cast_args {
    enum dtype dtype;
};
enum status cast(struct tape *tape, struct tensor *x, const struct cast_args *args,
                 struct tensor **y) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
