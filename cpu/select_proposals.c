#include <math.h>
#include <omp.h>
#include <string.h>

#include "cpu/kernels.h"
#include "cpu/smallest.h"
#include "nn/box_coder.h"

enum { IN_LOGITS, IN_DELTAS, IN_ANCHORS, IN_SIZES };

// Keys ascend as logits descend, then by index; what is not a number comes last.
static uint64_t key_of(float logit, int64_t index)
{
    uint32_t bits;
    float x = logit + 0.0f; // one zero, not two
    memcpy(&bits, &x, sizeof bits);
    bits = bits >> 31 ? bits : ~bits & 0x7FFFFFFFu;
    if (isnan(logit)) bits = UINT32_MAX;
    return (uint64_t)bits << 32 | (uint64_t)index;
}

static void write_slots(const struct op_call *call, int64_t image, int64_t n_anchors,
                        const struct smallest *best)
{
    const struct select_proposals_args *args = call->args;
    const float *logits = (const float *)call->in[IN_LOGITS]->data + image * n_anchors;
    const float *deltas = (const float *)call->in[IN_DELTAS]->data + 4 * image * n_anchors;
    const float *anchors = (const float *)call->in[IN_ANCHORS]->data + 4 * args->offset;
    const float *size = (const float *)call->in[IN_SIZES]->data + 2 * image;
    int64_t slot = image * call->out[1]->shape[1] + args->slot;
    float *box = (float *)call->out[0]->data + 4 * slot;
    float *score = (float *)call->out[1]->data + slot;
    int32_t *level = (int32_t *)call->out[2]->data + slot;
    for (size_t i = 0; i < best->n; i++, box += 4) {
        int64_t anchor = (int64_t)(best->keys[i] & UINT32_MAX);
        box_decode(anchors + 4 * anchor, deltas + 4 * anchor, args->weights, box);
        box_clip(size, box);
        bool is_large = box[2] - box[0] >= args->min_size && box[3] - box[1] >= args->min_size;
        score[i] = is_large ? 1.0f / (1.0f + expf(-logits[anchor])) : -1.0f;
        level[i] = args->level;
    }
}

enum status cpu_select_proposals_forward(const struct op_call *call)
{
    const struct select_proposals_args *args = call->args;
    const struct tensor *logits = call->in[IN_LOGITS];
    int64_t n_images = logits->shape[0];
    int64_t n_anchors = logits->shape[1] * logits->shape[2] * logits->shape[3];
    size_t keep = (size_t)(n_anchors < args->top_k ? n_anchors : args->top_k);
    int n_threads = omp_get_max_threads();
    void *scratch = NULL;
    TRY(call->backend->scratch(call->backend, (size_t)(n_threads + 1) * 2 * keep * sizeof(uint64_t),
                               &scratch));
    uint64_t *keys = scratch;
    for (int64_t image = 0; image < n_images; image++) {
        const float *x = (const float *)logits->data + image * n_anchors;
        struct smallest best = smallest_of(keep, keys);
#pragma omp parallel num_threads(n_threads)
        {
            int64_t t = omp_get_thread_num(), of = omp_get_num_threads();
            struct smallest own = smallest_of(keep, keys + (size_t)(t + 1) * 2 * keep);
            for (int64_t i = n_anchors * t / of; i < n_anchors * (t + 1) / of; i++)
                smallest_add(&own, key_of(x[i], i));
#pragma omp critical(select_proposals_merge)
            smallest_merge(&best, &own);
        }
        smallest_sort(&best);
        write_slots(call, image, n_anchors, &best);
    }
    return OK;
}
