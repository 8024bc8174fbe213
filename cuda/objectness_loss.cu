#include <math.h>

#include "cuda/block.h"
#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "cuda/sampled_level.h"
#include "nn/logit.h"

static __device__ float objectness_target(uint8_t sample)
{
    return sample == SAMPLE_POSITIVE ? 1.0f : 0.0f;
}

// Blocks: tile, image.
static __global__ void __launch_bounds__(SAMPLED_THREADS)
    objectness_forward(struct sampled_level t, const float *logits, float *sums)
{
    int64_t image = blockIdx.y, first = (int64_t)blockIdx.x * SAMPLED_TILE;
    float sum = 0.0f;
    for (int64_t i = first + threadIdx.x; i < first + SAMPLED_TILE && i < t.n;
         i += SAMPLED_THREADS) {
        uint8_t sample = t.sampled[image * t.n_all + i];
        if (sample == SAMPLE_NONE) continue;
        float x = logits[image * t.n + i];
        sum += (x < 0.0f ? 0.0f : x) - x * objectness_target(sample) + log1pf(expf(-fabsf(x)));
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) sums[image * t.n_tiles + blockIdx.x] = sum;
}

static __global__ void __launch_bounds__(SAMPLED_THREADS)
    objectness_backward(struct sampled_level t, const float *logits, const float *upstream,
                        float *gradient, bool adds)
{
    int64_t image = blockIdx.y, first = (int64_t)blockIdx.x * SAMPLED_TILE;
    float scale = (float)(loss_weight(&t.scale, image) * (double)*upstream);
    for (int64_t i = first + threadIdx.x; i < first + SAMPLED_TILE && i < t.n;
         i += SAMPLED_THREADS) {
        uint8_t sample = t.sampled[image * t.n_all + i];
        int64_t at = image * t.n + i;
        if (sample == SAMPLE_NONE) {
            if (!adds) gradient[at] = 0.0f;
            continue;
        }
        float slope = scale * (sigmoid(logits[at]) - objectness_target(sample));
        gradient[at] = adds ? gradient[at] + slope : slope;
    }
}

static struct sampled_level objectness_level(const struct op_call *call)
{
    const struct objectness_loss_args *args = (const struct objectness_loss_args *)call->args;
    return sampled_level_of(call->in[0], 1, call->in[1], call->in[2], args->offset,
                            args->normalizer);
}

enum status cuda_objectness_loss_forward(const struct op_call *call)
{
    struct sampled_level t = objectness_level(call);
    void *scratch = NULL;
    size_t n = (size_t)(t.n_images * t.n_tiles);
    TRY(call->backend->scratch(call->backend, n * sizeof(float), &scratch));
    if (n > 0) {
        dim3 grid((unsigned)t.n_tiles, (unsigned)t.n_images);
        CUDA_LAUNCH(objectness_forward, grid, SAMPLED_THREADS, 0, cuda_stream(call), t,
                    (const float *)call->in[0]->data, (float *)scratch);
        TRY(cuda_check(call, "objectness_loss"));
    }
    return loss_total(call, (const float *)scratch, t.n_images, t.n_tiles, &t.scale,
                      (float *)call->out[0]->data);
}

enum status cuda_objectness_loss_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    const float *upstream = (const float *)call->out[0]->grad;
    struct sampled_level t = objectness_level(call);
    if (!backward->want[0] || !upstream || t.n_images * t.n == 0) return OK;
    dim3 grid((unsigned)t.n_tiles, (unsigned)t.n_images);
    CUDA_LAUNCH(objectness_backward, grid, SAMPLED_THREADS, 0, cuda_stream(call), t,
                (const float *)call->in[0]->data, upstream, (float *)call->in[0]->grad,
                backward->beta[0] != 0.0f);
    return cuda_check(call, "objectness_loss");
}
