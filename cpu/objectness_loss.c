#include <math.h>

#include "cpu/rows.h"
#include "cpu/sampled_level.h"

// A few hundred anchors in a million are sampled: what costs time is finding them, and even that is
// little enough for one thread. Their order is then fixed.
static struct sampled_level level_of(const struct op_call *call)
{
    const struct objectness_loss_args *args = call->args;
    return sampled_level_of(call->in[0], 1, call->in[1], call->in[2], args->offset,
                            args->normalizer);
}

static double target(uint8_t sample)
{
    return sample == SAMPLE_POSITIVE ? 1.0 : 0.0;
}

enum status cpu_objectness_loss_forward(const struct op_call *call)
{
    struct sampled_level level = level_of(call);
    const float *logits = call->in[0]->data;
    double sum = 0.0;
    for (int64_t image = 0; image < level.n_images; image++) {
        const uint8_t *sampled = sampled_row(&level, image);
        for (int64_t i = 0; i < level.n_anchors; i++) {
            if (sampled[i] == SAMPLE_NONE) continue;
            double x = (double)logits[image * level.n_anchors + i];
            sum += (x < 0.0 ? 0.0 : x) - x * target(sampled[i]) + log1p(exp(-fabs(x)));
        }
    }
    *(float *)call->out[0]->data = (float)(sum * level.weight);
    return OK;
}

enum status cpu_objectness_loss_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    const float *upstream = call->out[0]->grad;
    if (!backward->want[0] || !upstream) return OK;
    struct sampled_level level = level_of(call);
    const float *logits = call->in[0]->data;
    float *gradient = call->in[0]->grad;
    double scale = level.weight * (double)*upstream;
    if (backward->beta[0] == 0.0f) rows_zero(gradient, tensor_count(call->in[0]));
    for (int64_t image = 0; image < level.n_images; image++) {
        const uint8_t *sampled = sampled_row(&level, image);
        for (int64_t i = 0; i < level.n_anchors; i++) {
            if (sampled[i] == SAMPLE_NONE) continue;
            int64_t at = image * level.n_anchors + i;
            double probability = 1.0 / (1.0 + exp(-(double)logits[at]));
            gradient[at] += (float)(scale * (probability - target(sampled[i])));
        }
    }
    return OK;
}
