// The CUDA backend's kernels, declared from nn/ops.def, and what they share. Valid as C, too.
//
// Kernels trust what nn/op_*.c checked. They are queued on the backend's stream: nothing waits for
// the device, nothing is allocated but through backend->scratch, and sums are taken in an order
// that depends on shapes alone, so that two runs give the same bits.
#ifndef TARN_CUDA_KERNELS_H
#define TARN_CUDA_KERNELS_H

#include "nn/backend.h"
#include "nn/ops.h"
#include "nn/ops_map.h"
#include "nn/ops_rcnn.h"

#ifdef __cplusplus
extern "C" {
#endif

#define OP(name)                                                                                   \
    enum status cuda_##name##_forward(const struct op_call *call) MUST_USE;                        \
    enum status cuda_##name##_backward(const struct op_backward_call *call) MUST_USE;
#define OP_NO_GRAD(name) enum status cuda_##name##_forward(const struct op_call *call) MUST_USE;
#include "nn/ops.def"
#undef OP
#undef OP_NO_GRAD

// Operations that this version has no CUDA kernel for (cuda/missing.def). Calling one gives
// ERR_UNSUPPORTED.
bool cuda_lacks(enum op op);

struct CUstream_st;
struct cuda_staging;
struct cuda_upload;
struct cuda_graphs;
struct cuda_library;

struct cuda_backend {
    struct backend base; // first: a struct backend * is a struct cuda_backend *
    int device;
    struct CUstream_st *stream; // everything is queued on it
    struct cuda_staging *staging; // pinned memory of uploads
    struct cuda_upload *uploads;  // those that run beside the stream
    struct cuda_graphs *graphs;   // of inference
    struct cuda_library *library; // cuDNN and cuBLASLt; NULL before they are needed
    bool tf32;                    // products of f32 may be rounded to TF32
    void *scratch;
    size_t scratch_bytes;
    struct CUevent_st *timer_start; // between start and stop of cuda_timer
    char name[64];           // "NVIDIA H100 80GB HBM3"
    int major, minor;        // compute capability
    int n_multiprocessors;
    size_t shared_per_block; // the most that a kernel can ask for, bytes
};

static inline struct cuda_backend *cuda_of(const struct op_call *call)
{
    return (struct cuda_backend *)call->backend;
}

static inline struct CUstream_st *cuda_stream(const struct op_call *call)
{
    return cuda_of(call)->stream;
}

extern const struct backend_timer cuda_timer;

// After a launch: ERR_DEVICE, naming `what`, if it could not be started or an earlier one failed.
enum status cuda_check(const struct op_call *call, const char *what) MUST_USE;

// For a call that looked at nothing: zeroes the gradients that are to be overwritten.
enum status cuda_zero_wanted(const struct op_backward_call *backward) MUST_USE;

// Parts of one scratch block: sizes are summed up first, then cut off one after another.
static inline size_t cuda_scratch_round(size_t bytes)
{
    return (bytes + 255) / 256 * 256;
}

static inline void *cuda_scratch_cut(char **scratch, size_t bytes)
{
    void *part = *scratch;
    *scratch += cuda_scratch_round(bytes);
    return part;
}

static inline size_t cuda_grad_bytes(const struct tensor *t)
{
    return tensor_count(t) * dtype_bytes(t->grad_dtype);
}

#ifdef __cplusplus
}
#endif
#endif
