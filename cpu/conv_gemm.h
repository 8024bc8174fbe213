// Convolutions as matrix products over gathered patches: for the shapes and processors where
// oneDNN has no implementation of its own. Correct everywhere, fast nowhere in particular.
#ifndef TARN_CPU_CONV_GEMM_H
#define TARN_CPU_CONV_GEMM_H

#include "cpu/onednn.h"

#ifdef __cplusplus
extern "C" {
#endif

// problem->kind is not looked at. scratch of all three: conv_gemm_scratch bytes.
size_t conv_gemm_scratch(const struct conv_problem *problem);

// y = x * w; w (O,kh,kw,I).
enum status conv_gemm_forward(const struct conv_problem *problem, const float *x, const float *w,
                              float *y, void *scratch) MUST_USE;
// dx = dy * w'
enum status conv_gemm_backward_data(const struct conv_problem *problem, const float *dy,
                                    const float *w, float *dx, void *scratch) MUST_USE;
// dw = dy' * x
enum status conv_gemm_backward_weights(const struct conv_problem *problem, const float *x,
                                       const float *dy, float *dw, void *scratch) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
