// The CUDA backend: device memory, one stream, copies that do not wait.
#ifndef TARN_CUDA_BACKEND_H
#define TARN_CUDA_BACKEND_H

#include "nn/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

// device: its number, from 0. ERR_UNSUPPORTED: no GPU, no driver or too old a one, a GPU older than
// this build's kernels, or a build without CUDA; the message offers the CPU.
// Arithmetic is f32; set backend->bf16 for activations in bf16.
enum status backend_create_cuda(int device, struct backend **backend) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
