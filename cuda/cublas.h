// What the CUDA backend takes from cuBLASLt: matrix products with what follows them. Only
// cuda/cublas_lt.c includes its headers.
#ifndef TARN_CUDA_CUBLAS_H
#define TARN_CUDA_CUBLAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "nn/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

// c (m,n) = relu?( beta * c + op(a) (m,k) op(b) (k,n) + bias ), row-major without gaps; op
// transposes; bias (n) is added to each row and of c's type; sums are f32. Also the key of the
// cache, so it has no padding bytes.
struct blas_problem {
    int64_t m, n, k;
    int32_t transpose_a, transpose_b;
    int32_t input_dtype, result_dtype; // DTYPE_F32 or DTYPE_BF16; f32 from bf16 is possible
    int32_t accumulate;                // beta is 1, else 0; neither bias nor relu then
    int32_t bias, relu;
    int32_t tf32; // f32 products may be rounded to TF32; with bf16 always 0
};

struct blas_plan {
    struct blas_problem problem;
    size_t workspace_bytes;
    struct blas_executable *executable;
};

struct CUstream_st;
struct blas;

enum status blas_create(struct CUstream_st *stream, struct blas **blas) MUST_USE;
void blas_destroy(struct blas *blas);
void blas_describe(char *text, size_t n_bytes); // "cuBLASLt 13.0.2"

// The heuristics' first algorithm that repeats its results: the same for the same problem, library
// and device, so that nothing need be remembered. ERR_DEVICE when there is none.
enum status blas_plan_of(struct blas *blas, const struct blas_problem *problem,
                      const struct blas_plan **plan) MUST_USE;

// Queues the product. Pointers: 16-byte aligned. workspace: plan->workspace_bytes.
enum status blas_run(struct blas *blas, const struct blas_plan *plan, const void *a, const void *b,
                     const void *bias, void *c, void *workspace) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
