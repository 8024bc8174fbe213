// Matrix products of one thread on operands that are laid out for them: the right one in panels of
// 32 columns. Compiled for several instruction sets.
#ifndef TARN_CPU_GEMM_HOT_H
#define TARN_CPU_GEMM_HOT_H

#include <stdbool.h>
#include <stddef.h>

#include "cpu/isa.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { GEMM_PANEL = 32 };

// c (n_rows, n_panels * 32) = a (n_rows, depth) * b, added to c when `add`.
// Element (k, j) of b is b[j / 32 * b_panel + k * 32 + j % 32]. Element (i, k) of a is
// a[i * a_row + k], or, where a_panel is not 0, a[i / 32 * a_panel + k * 32 + i % 32].
// c has rows of c_row floats.
struct gemm {
    size_t n_rows, n_panels, depth;
    const float *a;
    size_t a_row, a_panel;
    const float *b;
    size_t b_panel;
    float *c;
    size_t c_row;
    bool add;
};
ISA_DECLARE(void, gemm_run, (const struct gemm *gemm));

#ifdef __cplusplus
}
#endif
#endif
