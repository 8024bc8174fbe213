#include <math.h>
#include <string.h>

#include "cpu/kernels.h"

enum { IN_LOGITS, IN_LABELS, IN_COUNT };

static enum status check_labels(const int32_t *labels, int64_t n, int64_t n_classes)
{
    for (int64_t i = 0; i < n; i++)
        if (labels[i] < 0 || labels[i] >= n_classes)
            return fail(ERR_USAGE, "softmax_loss: label %d, but %d classes", labels[i],
                        (int)n_classes);
    return OK;
}

// log of the sum of exp(x), the largest taken out.
static double log_sum(const float *x, int64_t n)
{
    double largest = (double)x[0], sum = 0.0;
    for (int64_t k = 1; k < n; k++) largest = (double)x[k] > largest ? (double)x[k] : largest;
    for (int64_t k = 0; k < n; k++) sum += exp((double)x[k] - largest);
    return largest + log(sum);
}

static double mean(const float *x, int64_t n)
{
    double sum = 0.0;
    for (int64_t k = 0; k < n; k++) sum += (double)x[k];
    return sum / (double)n;
}

static double smoothing_of(const struct op_call *call)
{
    return (double)((const struct softmax_loss_args *)call->args)->smoothing;
}

enum status cpu_softmax_loss_forward(const struct op_call *call)
{
    double smoothing = smoothing_of(call);
    const struct tensor *logits = call->in[IN_LOGITS];
    const int32_t *labels = call->in[IN_LABELS]->data;
    const float *x = logits->data;
    int64_t n = list_count(call->in[IN_COUNT], logits->shape[0]), n_classes = logits->shape[1];
    TRY(check_labels(labels, n, n_classes));
    void *scratch = NULL;
    TRY(call->backend->scratch(call->backend, (size_t)n * sizeof(double), &scratch));
    double *losses = scratch, sum = 0.0;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i++) {
        const float *row = x + i * n_classes;
        double target = (1.0 - smoothing) * (double)row[labels[i]];
        if (smoothing > 0.0) target += smoothing * mean(row, n_classes);
        losses[i] = log_sum(row, n_classes) - target;
    }
    for (int64_t i = 0; i < n; i++) sum += losses[i];
    *(float *)call->out[0]->data = (float)(n > 0 ? sum / (double)n : 0.0);
    return OK;
}

enum status cpu_softmax_loss_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    const float *upstream = call->out[0]->grad;
    if (!backward->want[IN_LOGITS] || !upstream) return OK;
    const struct tensor *logits = call->in[IN_LOGITS];
    const int32_t *labels = call->in[IN_LABELS]->data;
    const float *x = logits->data;
    float *gradient = logits->grad;
    int64_t n = list_count(call->in[IN_COUNT], logits->shape[0]), n_classes = logits->shape[1];
    double scale = (double)*upstream / (double)(n > 0 ? n : 1);
    double own = 1.0 - smoothing_of(call), others = smoothing_of(call) / (double)n_classes;
    bool is_first = backward->beta[IN_LOGITS] == 0.0f;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i++) {
        const float *row = x + i * n_classes;
        float *out = gradient + i * n_classes;
        double total = log_sum(row, n_classes);
        for (int64_t k = 0; k < n_classes; k++) {
            double target = others + (k == labels[i] ? own : 0.0);
            double slope = exp((double)row[k] - total) - target;
            out[k] = (is_first ? 0.0f : out[k]) + (float)(scale * slope);
        }
    }
    if (is_first) list_zero_beyond(logits, gradient, n);
    return OK;
}
