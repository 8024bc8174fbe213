// The device that a command computes on.
#ifndef TARN_TRAIN_DEVICE_H
#define TARN_TRAIN_DEVICE_H

#include "nn/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

// device: "cpu", "cuda" (the first GPU), "cuda:N"; "auto" takes a GPU where there is one, else the
// CPU. n_threads: of the CPU, 0 for all. ERR_USAGE: no such name. ERR_UNSUPPORTED: no such GPU, or
// one that this build has no code for; the message offers the CPU.
enum status device_open(const char *device, int n_threads, struct backend **backend) MUST_USE;

// Whether device_open would take a GPU.
bool device_is_gpu(const char *device);

// precision: PRECISION_* of train/config.h. ERR_UNSUPPORTED: the backend has f32 only.
enum status device_set_precision(struct backend *backend, int precision) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
