// 3x3 convolutions of stride 1 by Winograd's minimal filtering F(4x4, 3x3) (Lavin & Gray, CVPR
// 2016): tiles of 6x6 inputs and 3x3 kernels go through small linear transforms, after which a
// tile of 4x4 outputs costs 36 products per pair of channels instead of 144.
//
// The points of interpolation are 0, +-5/8, +-3/2 and infinity. With them the rounding error stays
// near that of a direct convolution (docs/numerics.md); the customary 0, +-1, +-2 more than
// double it (Barabasz et al., ACM TOMS 2020).
#ifndef TARN_CPU_WINOGRAD_H
#define TARN_CPU_WINOGRAD_H

#include "cpu/onednn.h"

#ifdef __cplusplus
extern "C" {
#endif

bool winograd_is_possible(const struct conv_problem *problem);
// Possible, and faster than a direct convolution.
bool winograd_pays(const struct conv_problem *problem);

// ---- y = relu?( x * w + bias + residual ), also dx = dy * w' with turned weights ---------------

// Transformed weights: for each of 36 frequencies a (rows, columns) matrix.
size_t winograd_weights_bytes(int64_t n_rows, int64_t n_columns);

// w (rows,3,3,columns) times scale (rows) or 1; rotated: the kernel turned by 180 degrees.
void winograd_transform_weights(const float *w, const float *scale, bool rotated, int64_t n_rows,
                                int64_t n_columns, float *u);

size_t winograd_scratch(const struct conv_problem *problem, int n_threads);

// memory->w: transformed weights with a row for each input channel and a column for each output.
// memory->residual may be the result itself.
void winograd_run(const struct conv_problem *problem, const struct conv_memory *memory,
                  int n_threads);

// ---- dw = beta * dw + scale * (dy' * x) --------------------------------------------------------

size_t winograd_weights_scratch(const struct conv_problem *problem);
void winograd_backward_weights(const struct conv_problem *problem, const float *x, const float *dy,
                               const float *scale, float beta, float *dw, void *scratch);

#ifdef __cplusplus
}
#endif
#endif
