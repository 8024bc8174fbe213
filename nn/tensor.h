// Dense, row-major tensors without strides or views. Activations are (N, H, W, C); convolution
// weights (O, H, W, I); linear weights (O, I).
#ifndef TARN_NN_TENSOR_H
#define TARN_NN_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum dtype { DTYPE_F32, DTYPE_BF16, DTYPE_I32, DTYPE_U8 };

enum { TENSOR_MAX_RANK = 4 };

struct tensor {
    enum dtype dtype;
    int rank;
    int64_t shape[TENSOR_MAX_RANK]; // unused trailing entries are 1
    void *data;                     // backend memory; NULL on a dry tape
    void *grad;                     // same shape; NULL before the first contribution
    enum dtype grad_dtype;          // f32, or bf16 for activations where the backend has bf16
    bool needs_grad;
    bool has_grad; // grad holds a contribution: the next is added to it (beta 1)
    bool is_param; // data and grad belong to a struct params
    bool is_constant; // storage belongs to somebody else (a model, a batch): never dropped
    bool is_saved;    // a recorded node refers to it: not dropped before the backward pass
    const char *name; // parameters only
    // A list of RoIs on the leading axis: (1) i32 on the device, how many of them hold anything;
    // the rest is zero. NULL: all do. See nn/ops_rcnn.h.
    const struct tensor *valid;
};

size_t dtype_bytes(enum dtype dtype);
const char *dtype_name(enum dtype dtype);

size_t tensor_count(const struct tensor *t); // number of elements
size_t tensor_bytes(const struct tensor *t);
bool tensor_same_shape(const struct tensor *a, const struct tensor *b);

// "2x100x136x256 f32" into text; returns text.
enum { TENSOR_TEXT_BYTES = 64 };
const char *tensor_text(const struct tensor *t, char text[TENSOR_TEXT_BYTES]);

// A tensor header over existing backend memory, is_constant set.
struct tensor tensor_wrap(enum dtype dtype, int rank, const int64_t *shape, void *data);

#ifdef __cplusplus
}
#endif
#endif
