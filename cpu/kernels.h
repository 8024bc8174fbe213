// The CPU backend's kernels, declared from nn/ops.def, and what they share.
#ifndef TARN_CPU_KERNELS_H
#define TARN_CPU_KERNELS_H

#include "nn/backend.h"
#include "nn/ops.h"
#include "nn/ops_rcnn.h"

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

// Tests make convolutions take each of their paths.
enum cpu_conv_path {
    CONV_PATH_BEST,
    CONV_PATH_ONEDNN, // where it has an implementation
    CONV_PATH_OWN,    // Winograd's and the matrix product for 1x1, wherever they are possible
    CONV_PATH_GEMM,   // the one for shapes and processors that oneDNN has no implementation for
};

struct cpu_backend {
    struct backend base; // first: a struct backend * is a struct cpu_backend *
    struct onednn *onednn;
    struct packed_weights *packed; // convolution weights in oneDNN's layouts
    void *scratch;                 // mem_map
    size_t scratch_bytes;
    int n_threads;
    enum cpu_conv_path conv_path;
};

static inline struct cpu_backend *cpu_of(const struct op_call *call)
{
    return (struct cpu_backend *)call->backend;
}

// Lists of RoIs (nn/ops_rcnn.h). How many rows hold something: all of `capacity` where count is
// NULL.
int64_t list_count(const struct tensor *count, int64_t capacity);
size_t list_floats(const struct tensor *t, int64_t n); // elements of the first n rows
// values: t's data or gradient.
void list_zero_beyond(const struct tensor *t, float *values, int64_t n);

// Weight of an image's sum in a loss whose n_positive is (N) i32 or one number, f32 (nn/ops.h).
static inline double loss_weight(const struct tensor *n_positive, int64_t n_images, int64_t image)
{
    if (n_positive->dtype == DTYPE_F32) return 1.0 / (double)*(const float *)n_positive->data;
    int32_t n = ((const int32_t *)n_positive->data)[image];
    return 1.0 / ((double)n_images * (n > 1 ? n : 1));
}

// The loss whose parts are `sums` (n_images, n_chunks); added in their order.
static inline double loss_of_sums(const double *sums, int64_t n_images, int64_t n_chunks,
                                  const struct tensor *n_positive)
{
    double loss = 0.0;
    for (int64_t image = 0; image < n_images; image++) {
        double sum = 0.0;
        for (int64_t i = 0; i < n_chunks; i++) sum += sums[image * n_chunks + i];
        loss += sum * loss_weight(n_positive, n_images, image);
    }
    return loss;
}

// For a call that looked at nothing: zeroes the gradients that are to be overwritten.
enum status zero_wanted(const struct op_backward_call *backward) MUST_USE;

// Parts of one scratch block: sizes are summed up first, then cut off one after another.
static inline size_t scratch_round(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

static inline void *scratch_cut(char **scratch, size_t bytes)
{
    void *part = *scratch;
    *scratch += scratch_round(bytes);
    return part;
}

#ifdef __cplusplus
}
#endif
#endif
