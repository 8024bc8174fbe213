// SoftPool over one and three axes, for sequences and videos (the paper defines all three; the pool
// `soft` is the one over two). Operations on the tape, as those of nn/ops.h; no pooling layer of a
// ResNet.
#ifndef TARN_BACKBONE_POOL_SOFT_ND_H
#define TARN_BACKBONE_POOL_SOFT_ND_H

#include <stdbool.h>

#include "nn/tape.h"

#ifdef __cplusplus
extern "C" {
#endif

struct soft_nd_options {
    double beta;      // >= 0, the paper's is 1
    bool is_detached; // the gradient takes the weights for constants
};

// x (N,L,C), y (N,OL,C), f32 or bf16; padding (below kernel) is excluded from the windows.
enum status soft_pool_1d(struct tape *tape, struct tensor *x, int kernel, int stride, int padding,
                         const struct soft_nd_options *options, struct tensor **y) MUST_USE;

// x (N*depth,H,W,C): the planes of a video follow one another; y (N*OD,OH,OW,C). kernel, stride
// and padding of depth, height, width.
enum status soft_pool_3d(struct tape *tape, struct tensor *x, int depth, const int kernel[3],
                         const int stride[3], const int padding[3],
                         const struct soft_nd_options *options, struct tensor **y) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
