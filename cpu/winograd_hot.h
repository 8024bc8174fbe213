// The transforms of winograd.c for one tile, compiled for several instruction sets.
#ifndef TARN_CPU_WINOGRAD_HOT_H
#define TARN_CPU_WINOGRAD_HOT_H

#include <stdbool.h>
#include <stddef.h>

#include "cpu/isa.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { WINOGRAD_TILE = 4, WINOGRAD_PATCH = 6, WINOGRAD_FREQUENCIES = 36 };

// Where the 36 values of n channels lie: those of a frequency are `plane` floats from the next's,
// and within it groups of 32 channels are `panel` floats apart (32: no gaps).
struct winograd_layout {
    size_t plane, panel;
};

// 6x6 inputs, each a pointer to n channels (those outside the image point to zeros), to 36 values
// a channel.
ISA_DECLARE(void, winograd_input,
            (const float *const x[WINOGRAD_FREQUENCIES], size_t n, float *v,
             struct winograd_layout layout));

// 36 values a channel, m[frequency * plane + channel], to 4x4 outputs,
// y = relu?( output + bias + residual ). Outputs outside the image are NULL.
// bias and residual: NULL, or n channels for each output.
struct winograd_output {
    float *y[WINOGRAD_TILE * WINOGRAD_TILE];
    const float *residual[WINOGRAD_TILE * WINOGRAD_TILE];
    const float *bias;
    bool has_residual, relu;
};
ISA_DECLARE(void, winograd_output,
            (const float *m, size_t plane, size_t n, const struct winograd_output *output));

// The adjoint of winograd_output: 4x4 gradients (zeros outside the image) to 36 values a
// channel.
ISA_DECLARE(void, winograd_gradient,
            (const float *const dy[WINOGRAD_TILE * WINOGRAD_TILE], size_t n, float *z,
             struct winograd_layout layout));

// 3x3 taps of n channels, taps[t * step + i], times scale, to 36 values a channel.
ISA_DECLARE(void, winograd_kernel,
            (const float *taps, size_t step, float scale, bool rotated, size_t n, float *u,
             struct winograd_layout layout));

// Its adjoint: taps[t * n + i] = beta * taps + scale * (what u contributes).
ISA_DECLARE(void, winograd_kernel_gradient,
            (const float *u, size_t plane, float scale, float beta, size_t n, float *taps));

#ifdef __cplusplus
}
#endif
#endif
