#include <math.h>

#include "cpu/kernels.h"
#include "cpu/rows.h"

enum { IN_LOGITS, IN_TARGETS, IN_LABELS, IN_POSITIVES, IN_N_POSITIVE };

struct masks {
    int64_t n, n_pixels, n_channels;
    const float *logits, *targets;
};

static struct masks masks_of(const struct op_call *call)
{
    const struct tensor *logits = call->in[IN_LOGITS];
    return (struct masks){.n = list_count(call->in[IN_N_POSITIVE], logits->shape[0]),
                          .n_pixels = logits->shape[1] * logits->shape[2],
                          .n_channels = logits->shape[3],
                          .logits = logits->data,
                          .targets = call->in[IN_TARGETS]->data};
}

static int64_t channel_of(const struct op_call *call, int64_t i)
{
    if (((const struct mask_loss_args *)call->args)->class_agnostic) return 0;
    int32_t roi = ((const int32_t *)call->in[IN_POSITIVES]->data)[i];
    return ((const int32_t *)call->in[IN_LABELS]->data)[roi];
}

static enum status check_channels(const struct op_call *call, const struct masks *m)
{
    for (int64_t i = 0; i < m->n; i++) {
        int64_t channel = channel_of(call, i);
        if (channel < 0 || channel >= m->n_channels)
            return fail(ERR_USAGE, "mask_loss: label %d, but masks of %d classes", (int)channel,
                        (int)m->n_channels);
    }
    return OK;
}

enum status cpu_mask_loss_forward(const struct op_call *call)
{
    struct masks m = masks_of(call);
    TRY(check_channels(call, &m));
    void *scratch = NULL;
    TRY(call->backend->scratch(call->backend, (size_t)m.n * sizeof(double), &scratch));
    double *losses = scratch, sum = 0.0;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < m.n; i++) {
        const float *x = m.logits + i * m.n_pixels * m.n_channels + channel_of(call, i);
        const float *target = m.targets + i * m.n_pixels;
        losses[i] = 0.0;
        for (int64_t p = 0; p < m.n_pixels; p++, x += m.n_channels) {
            float above = *x < 0.0f ? 0.0f : *x; // not fmaxf: NaN stays
            losses[i] += (double)(above - *x * target[p] + log1pf(expf(-fabsf(*x))));
        }
    }
    for (int64_t i = 0; i < m.n; i++) sum += losses[i];
    *(float *)call->out[0]->data = (float)(m.n ? sum / (double)(m.n * m.n_pixels) : 0.0);
    return OK;
}

enum status cpu_mask_loss_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    const float *upstream = call->out[0]->grad;
    if (!backward->want[IN_LOGITS] || !upstream) return OK;
    struct masks m = masks_of(call);
    float *gradient = call->in[IN_LOGITS]->grad;
    float scale = m.n ? (float)((double)*upstream / (double)(m.n * m.n_pixels)) : 0.0f;
    if (backward->beta[IN_LOGITS] == 0.0f) rows_zero(gradient, tensor_count(call->in[IN_LOGITS]));
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < m.n; i++) {
        int64_t at = i * m.n_pixels * m.n_channels + channel_of(call, i);
        const float *target = m.targets + i * m.n_pixels;
        for (int64_t p = 0; p < m.n_pixels; p++, at += m.n_channels)
            gradient[at] += scale * (1.0f / (1.0f + expf(-m.logits[at])) - target[p]);
    }
    return OK;
}
