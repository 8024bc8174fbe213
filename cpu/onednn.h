// What the CPU backend takes from oneDNN, in terms that do not depend on its version. Only
// onednn*.c include oneDNN's headers.
#ifndef TARN_CPU_ONEDNN_H
#define TARN_CPU_ONEDNN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct onednn;

enum status onednn_create(struct onednn **onednn) MUST_USE;
void onednn_destroy(struct onednn *onednn);

// "oneDNN 2.6.3 avx512_core_bf16"
void onednn_describe(char *text, size_t n_bytes);

// ---- matrix products -------------------------------------------------------------------------

// c (m,n) = beta * c + op(a) (m,k) * op(b) (k,n), row-major without gaps; op transposes.
enum status onednn_sgemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k,
                         const float *a, const float *b, float beta, float *c) MUST_USE;

// ---- convolutions, activations (N,H,W,C) -----------------------------------------------------

enum conv_kind { CONV_FORWARD, CONV_BACKWARD_DATA, CONV_BACKWARD_WEIGHTS };

// Everything a primitive depends on; also the key of the cache, so it has no padding bytes.
struct conv_problem {
    int32_t kind; // enum conv_kind
    int32_t n, h, w, c;    // input
    int32_t o, oh, ow;     // output
    int32_t kh, kw, stride, padding;
    int32_t bias, residual, relu; // CONV_FORWARD only
    int32_t accumulate;           // CONV_FORWARD only: added to what y holds
};

// A primitive with the layout of its weights. Lives as long as its struct onednn.
struct conv_plan {
    struct conv_problem problem;
    bool supported;       // false: oneDNN has nothing but its reference loops for this shape
    bool plain_weights;   // weights are used as they are, (O,kh,kw,I)
    int layout;           // plans of the same number share packed weights
    size_t weights_bytes; // in the primitive's layout
    size_t scratch_bytes;
    char implementation[64];
    struct conv_primitive *primitive;
};

// Creates the primitive at the first call for a problem (some milliseconds), finds it after.
enum status onednn_conv_plan(struct onednn *onednn, const struct conv_problem *problem,
                             const struct conv_plan **plan) MUST_USE;

// (O,kh,kw,I) to the primitive's layout and back (CONV_BACKWARD_WEIGHTS).
enum status onednn_pack_weights(const struct conv_plan *plan, const float *ohwi,
                                void *packed) MUST_USE;
enum status onednn_unpack_weights(const struct conv_plan *plan, const void *packed,
                                  float *ohwi) MUST_USE;

// Pointers that the problem does not need are NULL. x, w, y stand for the gradients where the
// kind computes them. scratch: plan->scratch_bytes, 64-byte aligned.
struct conv_memory {
    const float *x, *y;       // read
    const void *w;            // read: packed
    const float *bias, *residual;
    float *result;            // y, dx, or packed dw
    void *scratch;
};
enum status onednn_conv_run(const struct conv_plan *plan,
                            const struct conv_memory *memory) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
