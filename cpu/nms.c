#include <assert.h>
#include <stdlib.h>

#include "cpu/kernels.h"
#include "nn/box_iou.h"

// One image at a time: boxes are few thousand after the selection, and since the walk goes by
// descending score over all labels, it may stop at max_keep.
struct candidate {
    float score;
    int32_t slot;
};

static int by_score(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->slot < y->slot ? -1 : x->slot > y->slot;
}

static bool is_suppressed(const float *boxes, const int32_t *labels, const int32_t *keep,
                          int n_keep, int32_t slot, double threshold)
{
    const float *own = boxes + (ptrdiff_t)4 * slot;
    float area = box_area(own);
    for (int k = 0; k < n_keep; k++) {
        int32_t kept = keep[k];
        if (labels[kept] != labels[slot]) continue;
        const float *box = boxes + (ptrdiff_t)4 * kept;
        float iou = box_iou(box, box_area(box), own, area);
        if ((double)iou > threshold) return true;
    }
    return false;
}

enum status cpu_nms_forward(const struct op_call *call)
{
    const struct nms_args *args = call->args;
    int64_t n_images = call->in[0]->shape[0], n_slots = call->in[0]->shape[1];
    void *scratch = NULL;
    TRY(call->backend->scratch(
        call->backend, (size_t)n_images * (size_t)n_slots * sizeof(struct candidate), &scratch));
#pragma omp parallel for schedule(dynamic)
    for (int64_t image = 0; image < n_images; image++) {
        struct candidate *order = (struct candidate *)scratch + image * n_slots;
        const float *boxes = (const float *)call->in[0]->data + 4 * image * n_slots;
        const float *scores = (const float *)call->in[1]->data + image * n_slots;
        const int32_t *labels = (const int32_t *)call->in[2]->data + image * n_slots;
        int32_t *keep = (int32_t *)call->out[0]->data + image * args->max_keep;
        size_t n = 0;
        for (int64_t slot = 0; slot < n_slots; slot++)
            if (scores[slot] >= 0.0f) order[n++] = (struct candidate){scores[slot], (int32_t)slot};
        qsort(order, n, sizeof *order, by_score);
        int n_keep = 0;
        for (size_t i = 0; i < n && n_keep < args->max_keep; i++)
            if (!is_suppressed(boxes, labels, keep, n_keep, order[i].slot, args->iou_threshold))
                keep[n_keep++] = order[i].slot;
        ((int32_t *)call->out[1]->data)[image] = n_keep;
        for (int k = n_keep; k < args->max_keep; k++) keep[k] = -1;
    }
    return OK;
}
