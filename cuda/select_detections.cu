#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "cuda/top_k.h"
#include "nn/box_coder.h"
#include "nn/logit.h"

enum { SELECT_THREADS = 512 };

struct select_slots {
    struct select_args args;
    const float *deltas, *anchors, *sizes; // of this level: anchors from its first on
    float *boxes, *scores;                 // of this level's first slot
    int32_t *labels;
    int64_t n_anchors, n_slots; // of the level; of an image
};

// One block an image.
static __global__ void __launch_bounds__(SELECT_THREADS)
    select_slots_write(struct top_k top, struct select_slots s)
{
    CUDA_DYNAMIC_SHARED(uint64_t, shared);
    uint32_t image = blockIdx.x, n;
    const uint64_t *keys = top_k_sorted(&top, image, shared, &n);
    const float *deltas = s.deltas + 4 * image * s.n_anchors;
    for (uint32_t i = threadIdx.x; i < (uint32_t)s.args.top_k; i += SELECT_THREADS) {
        float box[4] = {0.0f, 0.0f, 0.0f, 0.0f}, score = -1.0f;
        int32_t label = -1;
        if (i < n) {
            uint32_t index = top_k_index(&top, keys[i]);
            uint32_t anchor = index / (uint32_t)s.args.n_classes;
            label = (int32_t)(index % (uint32_t)s.args.n_classes);
            score = top_k_score(&top, keys[i]);
            box_decode(s.anchors + 4 * (size_t)anchor, deltas + 4 * (size_t)anchor, s.args.weights,
                       box);
            box_clip(s.sizes + 2 * image, box);
        }
        int64_t slot = image * s.n_slots + i;
        ((float4 *)s.boxes)[slot] = make_float4(box[0], box[1], box[2], box[3]);
        s.scores[slot] = score;
        s.labels[slot] = label;
    }
}

enum status cuda_select_detections_forward(const struct op_call *call)
{
    const struct select_args *args = (const struct select_args *)call->args;
    const struct tensor *logits = call->in[0];
    int64_t n_logits = logits->shape[1] * logits->shape[2] * logits->shape[3];
    if (n_logits > INT32_MAX)
        return fail(ERR_UNSUPPORTED, "select_detections: %lld logits in one level of an image",
                    (long long)n_logits);
    if (logits->shape[0] == 0 || args->top_k < 1) return OK;
    struct top_k top = {};
    top.order = TOP_K_SCORES;
    top.values = logits->data;
    top.n = (uint32_t)n_logits;
    top.n_segments = (uint32_t)logits->shape[0];
    top.keep[0] = (uint32_t)args->top_k;
    top.threshold = args->score_threshold;
    top.cutoff = logit_below(args->score_threshold);
    void *scratch = NULL;
    TRY(call->backend->scratch(call->backend, top_k_plan(&top), &scratch));
    TRY(top_k_run(call, &top, scratch));
    struct select_slots s = {};
    int64_t first = (int64_t)args->level * args->top_k;
    s.args = *args;
    s.deltas = (const float *)call->in[1]->data;
    s.anchors = (const float *)call->in[2]->data + 4 * args->offset;
    s.sizes = (const float *)call->in[3]->data;
    s.boxes = (float *)call->out[0]->data + 4 * first;
    s.scores = (float *)call->out[1]->data + first;
    s.labels = (int32_t *)call->out[2]->data + first;
    s.n_anchors = n_logits / args->n_classes;
    s.n_slots = call->out[1]->shape[1];
    CUDA_LAUNCH(select_slots_write, top.n_segments, SELECT_THREADS, top_k_shared_bytes(&top),
                cuda_stream(call), top, s);
    return cuda_check(call, "select_detections");
}
