#include <assert.h>

#include "cpu/kernels.h"
#include "cpu/rows.h"
#include "nn/box_regression.h"

enum { IN_DELTAS, IN_ROIS, IN_IMAGE, IN_LABELS, IN_MATCHED, IN_BOXES, IN_COUNT };

struct list {
    int64_t n, n_deltas; // RoIs, and deltas of each
    struct box_regression regression;
    double weight;
};

static struct list list_of(const struct op_call *call)
{
    const struct roi_box_loss_args *args = call->args;
    const struct tensor *deltas = call->in[IN_DELTAS];
    struct list list = {.n = list_count(call->in[IN_COUNT], deltas->shape[0])};
    list.n_deltas = deltas->shape[1];
    list.regression.kind = args->kind;
    list.regression.beta = args->beta;
    for (int k = 0; k < 4; k++) list.regression.weights[k] = args->weights[k];
    list.weight = 1.0 / (double)(list.n > 1 ? list.n : 1);
    return list;
}

// The first of the four deltas that count for a RoI; negative for background.
static int64_t deltas_at(const struct op_call *call, const struct list *list, int64_t i)
{
    int32_t label = ((const int32_t *)call->in[IN_LABELS]->data)[i];
    if (label <= 0) return -1;
    bool is_agnostic = ((const struct roi_box_loss_args *)call->args)->class_agnostic;
    return i * list->n_deltas + (is_agnostic ? 0 : (int64_t)label * 4);
}

static const float *object_of(const struct op_call *call, int64_t i)
{
    const struct tensor *boxes = call->in[IN_BOXES];
    int32_t image = ((const int32_t *)call->in[IN_IMAGE]->data)[i];
    int32_t match = ((const int32_t *)call->in[IN_MATCHED]->data)[i];
    assert(match >= 0 && match < boxes->shape[1] && image >= 0 && image < boxes->shape[0]);
    return (const float *)boxes->data + 4 * (image * boxes->shape[1] + match);
}

enum status cpu_roi_box_loss_forward(const struct op_call *call)
{
    struct list list = list_of(call);
    const float *deltas = call->in[IN_DELTAS]->data, *rois = call->in[IN_ROIS]->data;
    double sum = 0.0;
    for (int64_t i = 0; i < list.n; i++) {
        int64_t at = deltas_at(call, &list, i);
        if (at < 0) continue;
        if (at + 4 > (i + 1) * list.n_deltas)
            return fail(ERR_USAGE, "roi_box_loss: label %d, but boxes of %d classes",
                        ((const int32_t *)call->in[IN_LABELS]->data)[i], (int)list.n_deltas / 4);
        sum += (double)box_regression_loss(&list.regression, rois + 4 * i, object_of(call, i),
                                           deltas + at);
    }
    *(float *)call->out[0]->data = (float)(sum * list.weight);
    return OK;
}

enum status cpu_roi_box_loss_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    const float *upstream = call->out[0]->grad;
    if (!backward->want[IN_DELTAS] || !upstream) return OK;
    struct list list = list_of(call);
    const float *deltas = call->in[IN_DELTAS]->data, *rois = call->in[IN_ROIS]->data;
    float *gradient = call->in[IN_DELTAS]->grad, slope[4];
    float scale = (float)(list.weight * (double)*upstream);
    if (backward->beta[IN_DELTAS] == 0.0f) rows_zero(gradient, tensor_count(call->in[IN_DELTAS]));
    for (int64_t i = 0; i < list.n; i++) {
        int64_t at = deltas_at(call, &list, i);
        if (at < 0) continue;
        box_regression_slope(&list.regression, rois + 4 * i, object_of(call, i), deltas + at,
                             slope);
        for (int k = 0; k < 4; k++) gradient[at + k] += scale * slope[k];
    }
    return OK;
}
