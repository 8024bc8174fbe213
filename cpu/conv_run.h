// A convolution by the fastest of the ways that its shape allows: Winograd's algorithm, one of
// oneDNN's primitives, or a matrix product over gathered patches.
#ifndef TARN_CPU_CONV_RUN_H
#define TARN_CPU_CONV_RUN_H

#include "cpu/kernels.h"
#include "cpu/onednn.h"

#ifdef __cplusplus
extern "C" {
#endif

struct conv_run {
    struct cpu_backend *cpu;
    struct conv_problem problem; // of the forward convolution
    const struct tensor *w;      // (O,kh,kw,I)
    const struct tensor *scale; // (O) or NULL
};

// y = relu?( scale * (x * w) + bias + residual ), as the problem says.
enum status conv_run_forward(const struct conv_run *run, const float *x, const float *bias,
                             const float *residual, float *y) MUST_USE;

// dx = beta * dx + the gradient from dy, which has gone through the epilogue already.
enum status conv_run_backward_data(const struct conv_run *run, const float *dy, float beta,
                                   float *dx) MUST_USE;

// dw = beta * dw + the gradient from dy, as above.
enum status conv_run_backward_weights(const struct conv_run *run, const float *x, const float *dy,
                                      float beta, float *dw) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
