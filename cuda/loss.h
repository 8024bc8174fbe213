// What the losses have in common: sums are taken in two passes, first of the elements of a block,
// then of the blocks, each in an order that depends on shapes alone.
#ifndef TARN_CUDA_LOSS_H
#define TARN_CUDA_LOSS_H

#include "cuda/kernels.h"
#include "cuda/launch.h"

// What a loss is divided by stands in device memory.
enum loss_divisor {
    LOSS_BY_POSITIVES, // (n_images) i32: an image's sum by n_images * max(1, its own)
    LOSS_BY_NUMBER,    // (1) f32
    LOSS_BY_COUNT,     // (1) i32: by max(1, count)
    LOSS_BY_NOTHING,
};

struct loss_scale {
    enum loss_divisor kind;
    const void *divisor;
    double n_images;
    double factor; // of the whole
};

// n_positive of focal_loss and box_loss (nn/ops.h).
static inline struct loss_scale loss_scale_of_images(const struct tensor *n_positive,
                                                     int64_t n_images)
{
    struct loss_scale scale;
    scale.kind = n_positive->dtype == DTYPE_F32 ? LOSS_BY_NUMBER : LOSS_BY_POSITIVES;
    scale.divisor = n_positive->data;
    scale.n_images = (double)n_images;
    scale.factor = 1.0;
    return scale;
}

static inline struct loss_scale loss_scale_of_count(const struct tensor *count, double factor)
{
    struct loss_scale scale;
    scale.kind = LOSS_BY_COUNT;
    scale.divisor = count->data;
    scale.n_images = 1.0;
    scale.factor = factor;
    return scale;
}

// Weight of an image's sum.
static __device__ inline double loss_weight(const struct loss_scale *scale, int64_t image)
{
    if (scale->kind == LOSS_BY_NOTHING) return scale->factor;
    if (scale->kind == LOSS_BY_NUMBER)
        return scale->factor / (double)*(const float *)scale->divisor;
    const int32_t *count = (const int32_t *)scale->divisor;
    int32_t n = scale->kind == LOSS_BY_POSITIVES ? count[image] : *count;
    return scale->factor / (scale->n_images * (double)(n > 1 ? n : 1));
}

// *loss = sum over images of their weight times the sum of their n_sums of `sums`
// (n_images,n_sums).
enum status loss_total(const struct op_call *call, const float *sums, int64_t n_images,
                       int64_t n_sums, const struct loss_scale *scale, float *loss) MUST_USE;

#endif
