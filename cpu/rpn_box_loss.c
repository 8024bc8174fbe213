#include "cpu/rows.h"
#include "cpu/sampled_level.h"
#include "nn/box_regression.h"

// As in objectness_loss, one thread finds the few positives.
enum { IN_DELTAS, IN_ANCHORS, IN_MATCHED, IN_SAMPLED, IN_BOXES, IN_N_SAMPLED };

static struct sampled_level level_of(const struct op_call *call)
{
    const struct rpn_box_loss_args *args = call->args;
    return sampled_level_of(call->in[IN_DELTAS], 4, call->in[IN_SAMPLED], call->in[IN_N_SAMPLED],
                            args->offset, args->normalizer);
}

static struct box_regression regression_of(const struct op_call *call)
{
    const struct rpn_box_loss_args *args = call->args;
    struct box_regression r = {.kind = args->kind, .beta = args->beta};
    for (int k = 0; k < 4; k++) r.weights[k] = args->weights[k];
    return r;
}

// A positive anchor: its box and its object's.
static const float *anchor_at(const struct op_call *call, const struct sampled_level *level,
                              int64_t i)
{
    return (const float *)call->in[IN_ANCHORS]->data + 4 * (level->offset + i);
}

static const float *object_at(const struct op_call *call, const struct sampled_level *level,
                              int64_t image, int64_t i)
{
    const struct tensor *boxes = call->in[IN_BOXES];
    int32_t match =
        ((const int32_t *)call->in[IN_MATCHED]->data)[image * level->n_all + level->offset + i];
    assert(match >= 0 && match < boxes->shape[1]);
    return (const float *)boxes->data + 4 * (image * boxes->shape[1] + match);
}

enum status cpu_rpn_box_loss_forward(const struct op_call *call)
{
    struct sampled_level level = level_of(call);
    struct box_regression regression = regression_of(call);
    const float *deltas = call->in[IN_DELTAS]->data;
    double sum = 0.0;
    for (int64_t image = 0; image < level.n_images; image++) {
        const uint8_t *sampled = sampled_row(&level, image);
        for (int64_t i = 0; i < level.n_anchors; i++)
            if (sampled[i] == SAMPLE_POSITIVE)
                sum += (double)box_regression_loss(&regression, anchor_at(call, &level, i),
                                                   object_at(call, &level, image, i),
                                                   deltas + 4 * (image * level.n_anchors + i));
    }
    *(float *)call->out[0]->data = (float)(sum * level.weight);
    return OK;
}

enum status cpu_rpn_box_loss_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    const float *upstream = call->out[0]->grad;
    if (!backward->want[IN_DELTAS] || !upstream) return OK;
    struct sampled_level level = level_of(call);
    struct box_regression regression = regression_of(call);
    const float *deltas = call->in[IN_DELTAS]->data;
    float *gradient = call->in[IN_DELTAS]->grad, slope[4];
    float scale = (float)(level.weight * (double)*upstream);
    if (backward->beta[IN_DELTAS] == 0.0f) rows_zero(gradient, tensor_count(call->in[IN_DELTAS]));
    for (int64_t image = 0; image < level.n_images; image++) {
        const uint8_t *sampled = sampled_row(&level, image);
        for (int64_t i = 0; i < level.n_anchors; i++) {
            if (sampled[i] != SAMPLE_POSITIVE) continue;
            int64_t at = 4 * (image * level.n_anchors + i);
            box_regression_slope(&regression, anchor_at(call, &level, i),
                                 object_at(call, &level, image, i), deltas + at, slope);
            for (int k = 0; k < 4; k++) gradient[at + k] += scale * slope[k];
        }
    }
    return OK;
}
