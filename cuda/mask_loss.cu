#include <math.h>

#include "cuda/block.h"
#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "cuda/list.h"
#include "cuda/loss.h"
#include "nn/logit.h"

enum { MASK_IN_LOGITS, MASK_IN_TARGETS, MASK_IN_LABELS, MASK_IN_POSITIVES, MASK_IN_N_POSITIVE };
enum { MASK_THREADS = 256, MASK_PARTS = 8 }; // blocks a mask in the backward pass

struct mask_task {
    const float *logits, *targets;
    const int32_t *labels, *positives, *n_positive;
    int64_t capacity;
    uint32_t n_pixels, n_channels;
    bool is_agnostic;
    struct loss_scale scale;
};

// The channel of a mask's class; n_channels: there is none.
static __device__ uint32_t mask_channel(const struct mask_task *t, int64_t i)
{
    if (t->is_agnostic) return 0;
    uint32_t label = (uint32_t)t->labels[t->positives[i]];
    return label < t->n_channels ? label : t->n_channels;
}

// One block a mask. A label without a channel gives a loss that is no number, an error of the step.
static __global__ void __launch_bounds__(MASK_THREADS) mask_forward(struct mask_task t, float *sums)
{
    int64_t i = blockIdx.x;
    float sum = 0.0f;
    if (i < list_count(t.n_positive, t.capacity)) {
        uint32_t channel = mask_channel(&t, i);
        const float *x = t.logits + i * t.n_pixels * t.n_channels + channel;
        if (channel == t.n_channels) sum = NAN;
        for (uint32_t p = threadIdx.x; p < t.n_pixels && channel < t.n_channels;
             p += MASK_THREADS) {
            float logit = x[(size_t)p * t.n_channels], above = logit < 0.0f ? 0.0f : logit;
            sum += above - logit * t.targets[i * t.n_pixels + p] + log1pf(expf(-fabsf(logit)));
        }
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) sums[i] = sum;
}

// Blocks: mask, part of it. All channels are written unless the gradient is added to.
static __global__ void __launch_bounds__(MASK_THREADS)
    mask_backward(struct mask_task t, const float *upstream, float *gradient, bool adds)
{
    int64_t i = blockIdx.x;
    bool is_mask = i < list_count(t.n_positive, t.capacity);
    if (!is_mask && adds) return;
    uint32_t channel = is_mask ? mask_channel(&t, i) : t.n_channels;
    uint32_t stride = adds ? 1 : t.n_channels, n = t.n_pixels * stride;
    float scale = (float)((double)*upstream * loss_weight(&t.scale, 0));
    const float *x = t.logits + i * t.n_pixels * t.n_channels;
    if (adds && channel == t.n_channels) return;
    for (uint32_t e = blockIdx.y * MASK_THREADS + threadIdx.x; e < n;
         e += MASK_PARTS * MASK_THREADS) {
        uint32_t p = e / stride, k = adds ? channel : e % stride;
        size_t at = (size_t)p * t.n_channels + k;
        float slope = 0.0f;
        if (k == channel) slope = scale * (sigmoid(x[at]) - t.targets[i * t.n_pixels + p]);
        float *to = gradient + i * t.n_pixels * t.n_channels + at;
        *to = adds ? *to + slope : slope;
    }
}

static struct mask_task mask_task_of(const struct op_call *call)
{
    const struct tensor *logits = call->in[MASK_IN_LOGITS];
    struct mask_task t = {};
    t.logits = (const float *)logits->data;
    t.targets = (const float *)call->in[MASK_IN_TARGETS]->data;
    t.labels = (const int32_t *)call->in[MASK_IN_LABELS]->data;
    t.positives = (const int32_t *)call->in[MASK_IN_POSITIVES]->data;
    t.n_positive = list_count_of(call->in[MASK_IN_N_POSITIVE]);
    t.capacity = logits->shape[0];
    t.n_pixels = (uint32_t)(logits->shape[1] * logits->shape[2]);
    t.n_channels = (uint32_t)logits->shape[3];
    t.is_agnostic = ((const struct mask_loss_args *)call->args)->class_agnostic;
    t.scale = loss_scale_of_count(call->in[MASK_IN_N_POSITIVE], 1.0 / (double)t.n_pixels);
    return t;
}

enum status cuda_mask_loss_forward(const struct op_call *call)
{
    struct mask_task t = mask_task_of(call);
    void *scratch = NULL;
    TRY(call->backend->scratch(call->backend, (size_t)t.capacity * sizeof(float), &scratch));
    if (t.capacity > 0) {
        CUDA_LAUNCH(mask_forward, (unsigned)t.capacity, MASK_THREADS, 0, cuda_stream(call), t,
                    (float *)scratch);
        TRY(cuda_check(call, "mask_loss"));
    }
    return loss_total(call, (const float *)scratch, 1, t.capacity, &t.scale,
                      (float *)call->out[0]->data);
}

enum status cuda_mask_loss_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    const float *upstream = (const float *)call->out[0]->grad;
    struct mask_task t = mask_task_of(call);
    if (!backward->want[MASK_IN_LOGITS] || !upstream || t.capacity == 0) return OK;
    dim3 grid((unsigned)t.capacity, MASK_PARTS);
    CUDA_LAUNCH(mask_backward, grid, MASK_THREADS, 0, cuda_stream(call), t, upstream,
                (float *)call->in[MASK_IN_LOGITS]->grad, backward->beta[MASK_IN_LOGITS] != 0.0f);
    return cuda_check(call, "mask_loss");
}
