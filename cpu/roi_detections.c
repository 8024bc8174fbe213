#include <assert.h>
#include <math.h>

#include "cpu/kernels.h"
#include "nn/box_coder.h"

enum { IN_LOGITS, IN_DELTAS, IN_ROIS, IN_IMAGE, IN_COUNT, IN_SIZES };

struct slots {
    float *boxes, *scores;
    int32_t *labels;
};

static struct slots slots_at(const struct op_call *call, int64_t slot)
{
    return (struct slots){(float *)call->out[0]->data + 4 * slot,
                          (float *)call->out[1]->data + slot, (int32_t *)call->out[2]->data + slot};
}

static void clear(struct slots s, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        for (int k = 0; k < 4; k++) s.boxes[4 * i + k] = 0.0f;
        s.scores[i] = -1.0f;
        s.labels[i] = -1;
    }
}

// Fills a RoI's slots with the classes that pass, in ascending order.
static void detect(const struct op_call *call, int64_t i, struct slots s)
{
    const struct roi_detections_args *args = call->args;
    int64_t n_classes = call->in[IN_LOGITS]->shape[1];
    const float *logits = (const float *)call->in[IN_LOGITS]->data + i * n_classes;
    const float *deltas =
        (const float *)call->in[IN_DELTAS]->data + i * call->in[IN_DELTAS]->shape[1];
    const float *roi = (const float *)call->in[IN_ROIS]->data + 4 * i;
    int32_t image = ((const int32_t *)call->in[IN_IMAGE]->data)[i];
    const float *size = (const float *)call->in[IN_SIZES]->data + 2 * (int64_t)image;
    double largest = (double)logits[0], sum = 0.0;
    for (int64_t k = 1; k < n_classes; k++)
        largest = (double)logits[k] > largest ? (double)logits[k] : largest;
    for (int64_t k = 0; k < n_classes; k++) sum += exp((double)logits[k] - largest);
    int used = 0;
    for (int64_t k = 1; k < n_classes && used < args->slots_per_roi; k++) {
        float score = (float)(exp((double)logits[k] - largest) / sum), *box = s.boxes + 4 * used;
        if (!(score > args->score_threshold)) continue;
        box_decode(roi, deltas + (args->class_agnostic ? 0 : 4 * k), args->weights, box);
        box_clip(size, box);
        if (!(box[2] - box[0] >= args->min_size && box[3] - box[1] >= args->min_size)) continue;
        s.scores[used] = score;
        s.labels[used++] = (int32_t)k;
    }
    struct slots rest = {s.boxes + 4 * used, s.scores + used, s.labels + used};
    clear(rest, args->slots_per_roi - used);
}

enum status cpu_roi_detections_forward(const struct op_call *call)
{
    const struct roi_detections_args *args = call->args;
    const int32_t *roi_image = call->in[IN_IMAGE]->data;
    int64_t n = list_count(call->in[IN_COUNT], call->in[IN_LOGITS]->shape[0]), first = 0;
    int64_t n_images = call->out[0]->shape[0], n_slots = call->out[0]->shape[1];
    for (int64_t image = 0; image < n_images; image++) {
        int64_t end = first;
        while (end < n && roi_image[end] == image) end++;
        assert(end - first <= args->rois_per_image);
#pragma omp parallel for schedule(static)
        for (int64_t i = first; i < end; i++)
            detect(call, i, slots_at(call, image * n_slots + (i - first) * args->slots_per_roi));
        int64_t used = (end - first) * args->slots_per_roi;
        clear(slots_at(call, image * n_slots + used), n_slots - used);
        first = end;
    }
    return OK;
}
