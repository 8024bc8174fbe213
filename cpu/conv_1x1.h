// 1x1 convolutions as matrix products on packed weights, the epilogue done while a block of rows
// is still in the cache.
#ifndef TARN_CPU_CONV_1X1_H
#define TARN_CPU_CONV_1X1_H

#include "cpu/onednn.h"

#ifdef __cplusplus
extern "C" {
#endif

// 1x1, no padding, the number of output channels a multiple of a panel's width.
bool conv_1x1_is_possible(const struct conv_problem *problem);
// The same for its backward pass with respect to the input, of any stride.
bool conv_1x1_backward_is_possible(const struct conv_problem *problem);

// Weights in panels of 32 columns: bytes of (rows, columns), and the packing of
// w (rows, columns) times scale (rows) or 1, or, transposed, of w (columns, rows) times
// scale (columns).
size_t conv_1x1_weights_bytes(int64_t n_rows, int64_t n_columns);
void conv_1x1_pack(const float *w, const float *scale, bool transposed, int64_t n_rows,
                   int64_t n_columns, float *packed);

// memory->w: packed, a row for each input channel. No scratch. problem->accumulate: added to what
// the result holds.
void conv_1x1_run(const struct conv_problem *problem, const struct conv_memory *memory,
                  int n_threads);

// dx = beta * dx + dy * w'; w packed with a row for each output channel.
void conv_1x1_backward_data(const struct conv_problem *problem, const float *dy, const float *w,
                            float beta, float *dx);

#ifdef __cplusplus
}
#endif
#endif
