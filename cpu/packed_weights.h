// Convolution weights as the kernels want them: scaled, possibly turned round, in a layout of
// oneDNN's or transformed for Winograd's algorithm.
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

struct weights_request {
    const struct conv_plan *plan; // NULL: transformed for winograd_run
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
