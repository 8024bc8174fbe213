#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "cuda/top_k.h"
#include "nn/box_coder.h"
#include "nn/logit.h"

enum { PROPOSE_IN_LOGITS, PROPOSE_IN_DELTAS, PROPOSE_IN_ANCHORS, PROPOSE_IN_SIZES };
enum { PROPOSE_THREADS = 512 };

struct propose_slots {
    struct select_proposals_args args;
    const float *logits, *deltas, *anchors, *sizes; // of this level: anchors from its first on
    float *boxes, *scores;                          // of this level's first slot
    int32_t *levels;
    int64_t n_slots; // of an image
};

// One block an image.
static __global__ void __launch_bounds__(PROPOSE_THREADS)
    propose_slots_write(struct top_k top, struct propose_slots s)
{
    CUDA_DYNAMIC_SHARED(uint64_t, shared);
    uint32_t n;
    size_t image = blockIdx.x;
    const uint64_t *keys = top_k_sorted(&top, blockIdx.x, shared, &n);
    const float *logits = s.logits + image * top.n, *deltas = s.deltas + 4 * image * top.n;
    for (uint32_t i = threadIdx.x; i < n; i += PROPOSE_THREADS) {
        size_t anchor = top_k_index(&top, keys[i]), slot = image * (size_t)s.n_slots + i;
        float box[4];
        box_decode(s.anchors + 4 * anchor, deltas + 4 * anchor, s.args.weights, box);
        box_clip(s.sizes + 2 * image, box);
        float min_size = s.args.min_size;
        bool is_large = box[2] - box[0] >= min_size && box[3] - box[1] >= min_size;
        ((float4 *)s.boxes)[slot] = make_float4(box[0], box[1], box[2], box[3]);
        s.scores[slot] = is_large ? sigmoid(logits[anchor]) : -1.0f;
        s.levels[slot] = s.args.level;
    }
}

enum status cuda_select_proposals_forward(const struct op_call *call)
{
    const struct select_proposals_args *args = (const struct select_proposals_args *)call->args;
    const struct tensor *logits = call->in[PROPOSE_IN_LOGITS];
    int64_t n_anchors = logits->shape[1] * logits->shape[2] * logits->shape[3];
    if (logits->shape[0] == 0 || n_anchors == 0) return OK;
    struct top_k top = {};
    top.order = TOP_K_LOGITS;
    top.values = logits->data;
    top.n = (uint32_t)n_anchors;
    top.n_segments = (uint32_t)logits->shape[0];
    top.keep[0] = (uint32_t)args->top_k;
    void *scratch = NULL;
    TRY(call->backend->scratch(call->backend, top_k_plan(&top), &scratch));
    TRY(top_k_run(call, &top, scratch));
    struct propose_slots s = {};
    s.args = *args;
    s.logits = (const float *)logits->data;
    s.deltas = (const float *)call->in[PROPOSE_IN_DELTAS]->data;
    s.anchors = (const float *)call->in[PROPOSE_IN_ANCHORS]->data + 4 * args->offset;
    s.sizes = (const float *)call->in[PROPOSE_IN_SIZES]->data;
    s.boxes = (float *)call->out[0]->data + 4 * (size_t)args->slot;
    s.scores = (float *)call->out[1]->data + args->slot;
    s.levels = (int32_t *)call->out[2]->data + args->slot;
    s.n_slots = call->out[1]->shape[1];
    CUDA_LAUNCH(propose_slots_write, top.n_segments, PROPOSE_THREADS, top_k_shared_bytes(&top),
                cuda_stream(call), top, s);
    return cuda_check(call, "select_proposals");
}
