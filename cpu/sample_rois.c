#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "cpu/kernels.h"
#include "cpu/match_anchors_hot.h"
#include "cpu/smallest.h"

enum { IN_BOXES, IN_KEEP, IN_N_KEEP, IN_GT_BOXES, IN_GT_LABELS, IN_GT_COUNT, IN_GIVEN };

// One image's candidates: what nms kept, then the objects themselves.
struct candidates {
    int64_t image, n, capacity; // capacity: of any image
    float *boxes;
    int32_t *match; // object, or MATCH_NONE
    const int32_t *gt_labels;
};

static void collect(const struct op_call *call, int64_t image, struct candidates *c)
{
    int64_t n_slots = call->in[IN_BOXES]->shape[1], max_keep = call->in[IN_KEEP]->shape[1];
    int64_t max_objects = call->in[IN_GT_BOXES]->shape[1];
    const float *boxes = (const float *)call->in[IN_BOXES]->data + 4 * image * n_slots;
    const float *objects = (const float *)call->in[IN_GT_BOXES]->data + 4 * image * max_objects;
    const int32_t *keep = (const int32_t *)call->in[IN_KEEP]->data + image * max_keep;
    int64_t n_keep = ((const int32_t *)call->in[IN_N_KEEP]->data)[image];
    int64_t n_objects = ((const int32_t *)call->in[IN_GT_COUNT]->data)[image];
    assert(n_keep >= 0 && n_keep <= max_keep && n_objects >= 0 && n_objects <= max_objects);
    c->image = image;
    c->n = n_keep + n_objects;
    c->gt_labels = (const int32_t *)call->in[IN_GT_LABELS]->data + image * max_objects;
    for (int64_t i = 0; i < n_keep; i++)
        memcpy(c->boxes + 4 * i, boxes + 4 * (int64_t)keep[i], 4 * sizeof *boxes);
    memcpy(c->boxes + 4 * n_keep, objects, (size_t)n_objects * 4 * sizeof *objects);
    float iou = ((const struct sample_rois_args *)call->args)->iou;
#pragma omp parallel for schedule(static)
    for (int64_t begin = 0; begin < c->n; begin += MATCH_BLOCK) {
        int64_t left = c->n - begin;
        (void)ISA_PICK(match_assign)(c->boxes + 4 * begin,
                                     (int)(left < MATCH_BLOCK ? left : MATCH_BLOCK), objects,
                                     (int)n_objects, NULL, iou, iou, c->match + begin);
    }
    // An object of label 0 is background by another name.
    for (int64_t i = 0; i < c->n; i++)
        if (c->match[i] >= 0 && c->gt_labels[c->match[i]] <= 0) c->match[i] = MATCH_NONE;
}

static void draw(const struct op_call *call, const struct candidates *c, struct smallest *positive,
                 struct smallest *negative)
{
    for (int64_t i = 0; i < c->n; i++) {
        struct rng_block block = rng_philox(call->seed, RNG_ROI_SAMPLES, call->step,
                                            (uint64_t)(c->image * c->capacity + i));
        uint64_t key = (uint64_t)block.v[0] << 32 | (uint64_t)i;
        smallest_add(c->match[i] >= 0 ? positive : negative, key);
    }
    smallest_shrink(positive);
    smallest_sort(negative);
    size_t n_samples = (size_t)((const struct sample_rois_args *)call->args)->n_samples;
    if (negative->n > n_samples - positive->n) negative->n = n_samples - positive->n;
}

static enum status take_given(const struct op_call *call, const struct candidates *c,
                              struct smallest *positive, struct smallest *negative)
{
    int64_t n_samples = call->in[IN_GIVEN]->shape[1];
    const int32_t *given = (const int32_t *)call->in[IN_GIVEN]->data + c->image * n_samples;
    for (int64_t k = 0; k < n_samples && given[k] >= 0; k++) {
        int64_t i = given[k];
        struct smallest *group = i < c->n && c->match[i] >= 0 ? positive : negative;
        if (i >= c->n || group->n == group->keep)
            return fail(ERR_USAGE, "sample_rois: given index %d: %d candidates, %zu positive",
                        given[k], (int)c->n, positive->n);
        group->keys[group->n++] = (uint64_t)i;
    }
    return OK;
}

static int by_index(const void *a, const void *b)
{
    uint32_t x = (uint32_t) * (const uint64_t *)a, y = (uint32_t) * (const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static int64_t emit(const struct op_call *call, const struct candidates *c, struct smallest *group,
                    int64_t at)
{
    qsort(group->keys, group->n, sizeof *group->keys, by_index);
    for (size_t k = 0; k < group->n; k++, at++) {
        int64_t i = (int64_t)(group->keys[k] & UINT32_MAX);
        int32_t match = c->match[i];
        memcpy((float *)call->out[0]->data + 4 * at, c->boxes + 4 * i, 4 * sizeof(float));
        ((int32_t *)call->out[1]->data)[at] = (int32_t)c->image;
        ((int32_t *)call->out[2]->data)[at] = match >= 0 ? c->gt_labels[match] : 0;
        ((int32_t *)call->out[3]->data)[at] = match;
    }
    return at;
}

static void clear(const struct op_call *call)
{
    for (int i = 0; i < call->n_out; i++) memset(call->out[i]->data, 0, tensor_bytes(call->out[i]));
}

enum status cpu_sample_rois_forward(const struct op_call *call)
{
    const struct sample_rois_args *args = call->args;
    int64_t n_images = call->in[IN_BOXES]->shape[0], n = 0, n_positive = 0;
    size_t n_samples = (size_t)args->n_samples;
    size_t max_positive = (size_t)(call->out[5]->shape[0] / (n_images > 0 ? n_images : 1));
    struct candidates c = {.capacity =
                               call->in[IN_KEEP]->shape[1] + call->in[IN_GT_BOXES]->shape[1]};
    size_t keys_bytes = scratch_round(2 * n_samples * sizeof(uint64_t));
    size_t boxes_bytes = scratch_round((size_t)c.capacity * 4 * sizeof *c.boxes);
    void *memory = NULL;
    TRY(call->backend->scratch(call->backend,
                               2 * keys_bytes + boxes_bytes + (size_t)c.capacity * sizeof *c.match,
                               &memory));
    char *scratch = memory;
    uint64_t *positive_keys = scratch_cut(&scratch, keys_bytes);
    uint64_t *negative_keys = scratch_cut(&scratch, keys_bytes);
    c.boxes = scratch_cut(&scratch, boxes_bytes);
    c.match = (int32_t *)scratch;
    clear(call);
    for (int64_t image = 0; image < n_images; image++) {
        struct smallest positive = smallest_of(max_positive, positive_keys);
        struct smallest negative = smallest_of(n_samples, negative_keys);
        collect(call, image, &c);
        if (call->in[IN_GIVEN])
            TRY(take_given(call, &c, &positive, &negative));
        else
            draw(call, &c, &positive, &negative);
        for (size_t k = 0; k < positive.n; k++)
            ((int32_t *)call->out[5]->data)[n_positive++] = (int32_t)(n + (int64_t)k);
        n = emit(call, &c, &positive, n);
        n = emit(call, &c, &negative, n);
    }
    *(int32_t *)call->out[4]->data = (int32_t)n;
    *(int32_t *)call->out[6]->data = (int32_t)n_positive;
    return OK;
}
