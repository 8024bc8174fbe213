// Passes over maps as rows of channels that follow or precede the vendors' products; as cpu/rows.h.
#ifndef TARN_CUDA_ROWS_H
#define TARN_CUDA_ROWS_H

#include "cuda/kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

// What the rows are: of a tensor (n_items, ..., n_channels) the rows of n_channels. valid: NULL, or
// how many of the n_items hold something (nn/ops_rcnn.h).
struct rows_shape {
    int64_t n_items;
    size_t rows_per_item, n_channels;
    const struct tensor *valid;
};
struct rows_shape rows_shape_of(const struct tensor *t);

// Device memory with the type of its elements, f32 or bf16.
struct rows_data {
    void *data;
    enum dtype dtype;
};

// to = relu?( from + residual + bias ), zero where the items hold nothing. bias (n_channels) f32
// and residual (of to's type) may be NULL. from may be to.
struct rows_epilogue {
    struct rows_shape shape;
    struct rows_data from, to;
    const float *bias;
    const void *residual;
    bool relu;
};
enum status cuda_rows_epilogue(const struct op_call *call,
                               const struct rows_epilogue *epilogue) MUST_USE;

// Of a gradient dy: masked = dy where y > 0 (y NULL: everywhere), 0 where the items hold nothing;
// copy = copy_beta * copy + masked; sum (n_channels) f32 = sum_beta * sum + the rows' sum. y and
// copy are of dy's type and may be NULL, as sum. masked may be dy, which is only written where it
// changes.
// scratch: cuda_rows_mask_scratch bytes. Sums are taken in an order that depends on shapes alone.
struct rows_mask {
    struct rows_shape shape;
    struct rows_data dy, masked;
    const void *y;
    void *copy;
    float copy_beta;
    float *sum;
    float sum_beta;
};
size_t cuda_rows_mask_scratch(const struct rows_mask *mask);
enum status cuda_rows_mask(const struct op_call *call, const struct rows_mask *mask,
                           void *scratch) MUST_USE;

// to = beta * to + scale * from, n elements in rows of row_length; scale: one f32 a row, or NULL.
enum status cuda_rows_add(const struct op_call *call, struct rows_data to, float beta,
                          struct rows_data from, const float *scale, size_t n,
                          size_t row_length) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
