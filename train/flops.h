// Floating-point operations of a kernel's call, from its shapes: a multiplication and an addition
// count as two. Of a list of RoIs only the rows that are filled count, unless the tape is dry.
// Convolutions and linear layers are counted; all else is small beside them and counts as nothing,
// as the field's tools have it.
#ifndef TARN_TRAIN_FLOPS_H
#define TARN_TRAIN_FLOPS_H

#include "nn/tape.h"

#ifdef __cplusplus
extern "C" {
#endif

// Backward: the gradients of input and weights as far as they are wanted, a forward's worth each.
double flops_of(const struct tape_node *node, bool is_backward);

#ifdef __cplusplus
}
#endif
#endif
