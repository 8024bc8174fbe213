// NVIDIA's libraries in a backend: their handles, their workspace, and weights in the form in which
// they take them.
#ifndef TARN_CUDA_LIBRARY_H
#define TARN_CUDA_LIBRARY_H

#include "cuda/cublas.h"
#include "cuda/cudnn.h"
#include "cuda/kernels.h"
#include "cuda/rows.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cuda_weights; // one tensor's

struct cuda_library {
    struct cuda_backend *backend;
    struct cudnn *cudnn;
    struct blas *blas;
    void *workspace; // apart from the backend's scratch, so that both can be in use
    size_t workspace_bytes;
    struct cuda_weights *weights;
    size_t n_weights, weights_capacity;
    unsigned generation; // of the parameters
};

// The backend's; made at the first call, so that commands that need neither library start quickly.
enum status cuda_library_of(const struct op_call *call, struct cuda_library **library) MUST_USE;
void cuda_library_destroy(struct cuda_library *library); // NULL-safe; the stream is at rest
void cuda_library_params_changed(struct cuda_library *library); // NULL-safe

// A cudnn_scratch whose context is a struct cuda_library. Grows only.
enum status cuda_workspace(void *context, size_t bytes, void **memory) MUST_USE;

// w (rows, ...) f32 in another form: as `dtype`, row i multiplied by scale[i] (f32, or NULL). Kept
// until parameters change; what is no parameter is converted at each call.
enum status cuda_weights_get(struct cuda_library *library, const struct op_call *call,
                             const struct tensor *w, const struct tensor *scale, enum dtype dtype,
                             const void **form) MUST_USE;

// c = relu?( beta * c + op(a) op(b) + bias ) as blas_problem has it, in workspace. a and b are of
// one type; bias is of c's.
struct blas_product {
    struct {
        int64_t m, n, k;
    } shape;
    bool transpose_a, transpose_b;
    struct rows_data a, b, c;
    float beta; // 0 or 1
    const void *bias;
    bool relu;
};
enum status cuda_product(struct cuda_library *library, const struct op_call *call,
                         const struct blas_product *product) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
