// The CUDA backend: device memory, one stream, copies that do not wait.
#ifndef TARN_CUDA_BACKEND_H
#define TARN_CUDA_BACKEND_H

#include "nn/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

// device: its number, from 0. ERR_UNSUPPORTED: no GPU, no driver or too old a one, a GPU older than
// this build's kernels, or a build without CUDA; the message offers the CPU.
// It takes activations in f32 and in bf16.
enum status backend_create_cuda(int device, struct backend **backend) MUST_USE;

// Products of f32 may be rounded to TF32, 10 bits of mantissa, on a backend of this kind.
void backend_cuda_allow_tf32(struct backend *backend, bool allow);

// How many GPUs CUDA sees; 0 without a driver or in a build without CUDA.
int backend_cuda_count(void);

#ifdef __cplusplus
}
#endif
#endif
