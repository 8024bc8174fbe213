#include <math.h>

#include "cpu/kernels.h"

enum { IN_LOGITS, IN_LABELS, IN_COUNT };

enum status cpu_mask_probabilities_forward(const struct op_call *call)
{
    const struct mask_loss_args *args = call->args;
    const struct tensor *logits = call->in[IN_LOGITS];
    const int32_t *labels = call->in[IN_LABELS]->data;
    int64_t n = list_count(call->in[IN_COUNT], logits->shape[0]), n_channels = logits->shape[3];
    int64_t n_pixels = logits->shape[1] * logits->shape[2];
    float *probabilities = call->out[0]->data;
    for (int64_t i = 0; i < n && !args->class_agnostic; i++)
        if (labels[i] < 0 || labels[i] >= n_channels)
            return fail(ERR_USAGE, "mask_probabilities: label %d, but masks of %d classes",
                        labels[i], (int)n_channels);
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i++) {
        const float *x = (const float *)logits->data + i * n_pixels * n_channels;
        if (!args->class_agnostic) x += labels[i];
        for (int64_t p = 0; p < n_pixels; p++)
            probabilities[i * n_pixels + p] = 1.0f / (1.0f + expf(-x[p * n_channels]));
    }
    list_zero_beyond(call->out[0], probabilities, n);
    return OK;
}
