// Convolution weights as the kernels want them: scaled, possibly turned round, in a layout of
// oneDNN's, transformed for Winograd's algorithm, or in panels for a matrix product.
// Those of parameters are kept until the parameters change, so that inference and the levels that
// share a head pack them once.
#ifndef TARN_CPU_PACKED_WEIGHTS_H
#define TARN_CPU_PACKED_WEIGHTS_H

#include "cpu/onednn.h"
#include "nn/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

struct packed_weights;

enum status packed_weights_create(struct packed_weights **packed) MUST_USE;
void packed_weights_destroy(struct packed_weights *packed);

// What was packed is stale now. Memory stays for the next round.
void packed_weights_invalidate(struct packed_weights *packed);

enum weights_form { WEIGHTS_PLAN, WEIGHTS_WINOGRAD, WEIGHTS_1X1 };

struct weights_request {
    enum weights_form form;
    const struct conv_plan *plan; // WEIGHTS_PLAN
    const struct tensor *w;     // (O,kh,kw,I)
    const struct tensor *scale; // (O) or NULL
    bool turned; // (I,kh,kw,O) with the kernel rotated by 180 degrees: the adjoint's weights
};

// Bytes of scratch, 64-byte aligned, that packed_weights_get needs at most.
size_t packed_weights_scratch(const struct weights_request *request);

// *weights is valid until the next invalidate, or lies in `scratch`.
enum status packed_weights_get(struct packed_weights *packed, const struct weights_request *request,
                               char *scratch, const void **weights) MUST_USE;

// The first half alone: w * scale, turned if asked, in plain order. Parallel.
void weights_fold(const struct weights_request *request, float *plain);

#ifdef __cplusplus
}
#endif
#endif
