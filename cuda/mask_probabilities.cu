#include <math.h>

#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "cuda/list.h"
#include "nn/logit.h"

enum { PROBABILITY_IN_LOGITS, PROBABILITY_IN_LABELS, PROBABILITY_IN_COUNT };

// One block a mask. A label without a channel gives a mask that is no number anywhere.
static __global__ void __launch_bounds__(CUDA_BLOCK)
    mask_probability_kernel(const float *logits, const int32_t *labels, const int32_t *count,
                            int64_t capacity, uint32_t n_pixels, uint32_t n_channels,
                            bool is_agnostic, float *probabilities)
{
    int64_t i = blockIdx.x;
    bool is_mask = i < list_count(count, capacity);
    uint32_t channel = is_mask && !is_agnostic ? (uint32_t)labels[i] : 0;
    const float *x = logits + i * n_pixels * n_channels + channel;
    for (uint32_t p = threadIdx.x; p < n_pixels; p += CUDA_BLOCK) {
        float value = is_mask ? NAN : 0.0f;
        if (is_mask && channel < n_channels) value = sigmoid(x[(size_t)p * n_channels]);
        probabilities[i * n_pixels + p] = value;
    }
}

enum status cuda_mask_probabilities_forward(const struct op_call *call)
{
    const struct tensor *logits = call->in[PROBABILITY_IN_LOGITS];
    if (tensor_count(call->out[0]) == 0) return OK;
    CUDA_LAUNCH(mask_probability_kernel, (unsigned)logits->shape[0], CUDA_BLOCK, 0,
                cuda_stream(call), (const float *)logits->data,
                (const int32_t *)call->in[PROBABILITY_IN_LABELS]->data,
                list_count_of(call->in[PROBABILITY_IN_COUNT]), logits->shape[0],
                (uint32_t)(logits->shape[1] * logits->shape[2]), (uint32_t)logits->shape[3],
                ((const struct mask_loss_args *)call->args)->class_agnostic,
                (float *)call->out[0]->data);
    return cuda_check(call, "mask_probabilities");
}
