// The CPU backend's kernels, declared from nn/ops.def, and what they share.
#ifndef TARN_CPU_KERNELS_H
#define TARN_CPU_KERNELS_H

#include "nn/backend.h"
#include "nn/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

#define OP(name)                                                                                   \
    enum status cpu_##name##_forward(const struct op_call *call);                                  \
    enum status cpu_##name##_backward(const struct op_backward_call *call);
#define OP_NO_GRAD(name) enum status cpu_##name##_forward(const struct op_call *call);
#include "nn/ops.def"
#undef OP
#undef OP_NO_GRAD

struct onednn;
struct packed_weights;

struct cpu_backend {
    struct backend base; // first: a struct backend * is a struct cpu_backend *
    struct onednn *onednn;
    struct packed_weights *packed;
    void *scratch; // mem_map
    size_t scratch_bytes;
    int n_threads;
};

static inline struct cpu_backend *cpu_of(const struct op_call *call)
{
    return (struct cpu_backend *)call->backend;
}

#ifdef __cplusplus
}
#endif
#endif
