#include <assert.h>

#include "cpu/kernels.h"
#include "nn/box_regression.h"

// Few anchors are positive: the work is finding them, so one thread per image and chunk suffices.
enum { CHUNK = 4096 };

struct level {
    const struct box_loss_args *args;
    struct box_regression regression;
    const float *deltas, *anchors, *gt_boxes;
    const int32_t *matched;
    const struct tensor *n_positive;
    int64_t n_images, n_anchors, n_all, n_boxes, n_chunks;
};

static struct level level_of(const struct op_call *call)
{
    struct level level;
    const struct tensor *deltas = call->in[0];
    const struct box_loss_args *args = call->args;
    level.args = args;
    level.regression = (struct box_regression){
        args->kind, args->beta,
        {args->weights[0], args->weights[1], args->weights[2], args->weights[3]}};
    level.deltas = deltas->data;
    level.anchors = call->in[1]->data;
    level.matched = call->in[2]->data;
    level.gt_boxes = call->in[3]->data;
    level.n_positive = call->in[4];
    level.n_images = deltas->shape[0];
    level.n_anchors = deltas->shape[1] * deltas->shape[2] * deltas->shape[3] / 4;
    level.n_all = call->in[2]->shape[1];
    level.n_boxes = call->in[3]->shape[1];
    level.n_chunks = (level.n_anchors + CHUNK - 1) / CHUNK;
    assert(level.args->offset + level.n_anchors <= level.n_all);
    return level;
}

// Anchor `i` of an image with its object; false when it is not positive.
struct positive {
    const float *anchor, *box, *delta;
};
static bool positive_at(const struct level *level, int64_t image, int64_t i, struct positive *p)
{
    int64_t anchor = level->args->offset + i;
    int32_t match = level->matched[image * level->n_all + anchor];
    if (match < 0) return false;
    p->anchor = level->anchors + 4 * anchor;
    p->box = level->gt_boxes + 4 * (image * level->n_boxes + match);
    p->delta = level->deltas + 4 * (image * level->n_anchors + i);
    return true;
}

enum status cpu_box_loss_forward(const struct op_call *call)
{
    struct level level = level_of(call);
    int64_t n = level.n_images * level.n_chunks;
    void *scratch = NULL;
    TRY(call->backend->scratch(call->backend, (size_t)n * sizeof(double), &scratch));
    double *sums = scratch;
#pragma omp parallel for schedule(static)
    for (int64_t c = 0; c < n; c++) {
        int64_t begin = c % level.n_chunks * CHUNK;
        int64_t end = begin + CHUNK < level.n_anchors ? begin + CHUNK : level.n_anchors;
        double sum = 0.0;
        struct positive p;
        for (int64_t i = begin; i < end; i++)
            if (positive_at(&level, c / level.n_chunks, i, &p))
                sum += (double)box_regression_loss(&level.regression, p.anchor, p.box, p.delta);
        sums[c] = sum;
    }
    *(float *)call->out[0]->data =
        (float)loss_of_sums(sums, level.n_images, level.n_chunks, level.n_positive);
    return OK;
}

enum status cpu_box_loss_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    const float *upstream = call->out[0]->grad;
    if (!backward->want[0] || !upstream) return OK;
    struct level level = level_of(call);
    float *gradient = call->in[0]->grad;
    float keep = backward->beta[0];
    int64_t n = level.n_images * level.n_anchors;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i++) {
        int64_t image = i / level.n_anchors;
        float slope[4] = {0}, *out = gradient + 4 * i;
        struct positive p;
        bool is_positive = positive_at(&level, image, i % level.n_anchors, &p);
        if (is_positive)
            box_regression_slope(&level.regression, p.anchor, p.box, p.delta, slope);
        float scale =
            (float)((double)*upstream * loss_weight(level.n_positive, level.n_images, image));
        for (int k = 0; k < 4; k++) {
            float old = keep == 0.0f ? 0.0f : keep * out[k]; // the memory may hold NaN
            out[k] = is_positive ? old + scale * slope[k] : old;
        }
    }
    return OK;
}
