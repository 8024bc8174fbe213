#include "base/rng.h"
#include "cuda/kept.h"
#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "cuda/match.h"
#include "cuda/top_k.h"

// Candidates are collected and matched, some are drawn in each image, and once their numbers are
// known in all images the list is written.
enum { ROIS_IN_BOXES, ROIS_IN_KEEP, ROIS_IN_N_KEEP, ROIS_IN_GT_BOXES, ROIS_IN_GT_LABELS };
enum { ROIS_IN_GT_COUNT = ROIS_IN_GT_LABELS + 1, ROIS_IN_GIVEN };
enum { ROIS_THREADS = 512 };

struct rois_task {
    const float4 *boxes; // (n_images,n_slots)
    const int32_t *keep, *n_keep;
    const float *gt_boxes;
    const int32_t *gt_labels, *gt_count, *given; // given: NULL, or (n_images,n_samples)
    uint32_t n_images, n_slots, max_keep, max_objects, n_samples, max_positive;
    float iou;

    uint32_t capacity; // candidates an image: max_keep + max_objects
    float4 *candidate; // (n_images,capacity), and the next
    int32_t *match;    // MATCH_IGNORED: no candidate
    uint32_t *drawn;   // (n_images,n_samples): candidates, positives first
    int32_t *n_drawn, *n_positive; // (n_images); n_positive: of those drawn, how many are

    float4 *rois; // outputs, as in nn/ops_rcnn.h
    int32_t *roi_image, *labels, *matched, *count, *positives, *positive_count;
};

// Tests give the outcome: then the given ones are all that can be drawn. What the CPU refuses, an
// index beyond the candidates or a positive too many, cannot be told to the host: it is left out.
static __device__ bool rois_may_be_drawn(const struct rois_task *t, uint32_t image, uint32_t i)
{
    if (!t->given) return true;
    const int32_t *given = t->given + (size_t)image * t->n_samples;
    for (uint32_t k = 0; k < t->n_samples && given[k] >= 0; k++)
        if ((uint32_t)given[k] == i) return true;
    return false;
}

// Blocks: candidates, image.
static __global__ void __launch_bounds__(CUDA_BLOCK) rois_match(struct rois_task t)
{
    uint32_t image = blockIdx.y, i = blockIdx.x * CUDA_BLOCK + threadIdx.x;
    if (i >= t.capacity) return;
    uint32_t n_keep = (uint32_t)t.n_keep[image], n_objects = (uint32_t)t.gt_count[image];
    const float *objects = t.gt_boxes + 4 * (size_t)image * t.max_objects;
    size_t at = (size_t)image * t.capacity + i;
    if (i >= n_keep + n_objects || !rois_may_be_drawn(&t, image, i)) {
        t.match[at] = MATCH_IGNORED;
        return;
    }
    float4 own = i < n_keep ? t.boxes[(size_t)image * t.n_slots +
                                      (uint32_t)t.keep[(size_t)image * t.max_keep + i]]
                            : ((const float4 *)objects)[i - n_keep];
    const float box[4] = {own.x, own.y, own.z, own.w};
    float area = box_area(box), object[4];
    struct match_best best = match_nothing((int32_t)n_objects);
    for (uint32_t g = 0; g < n_objects; g++) {
        match_load(objects, g, object);
        float iou = box_iou(box, area, object, box_area(object));
        if (!(iou > best.iou)) continue;
        best.iou = iou;
        best.object = (int32_t)g;
    }
    int32_t match = match_result(&best, t.iou, t.iou);
    // An object of label 0 is background by another name.
    if (match >= 0 && t.gt_labels[(size_t)image * t.max_objects + (uint32_t)match] <= 0)
        match = MATCH_NONE;
    t.candidate[at] = own;
    t.match[at] = match;
}

// One block an image: the candidates with the smallest keys, in the order of their indices.
static __global__ void __launch_bounds__(ROIS_THREADS) rois_draw(struct top_k top,
                                                                 struct rois_task t)
{
    CUDA_DYNAMIC_SHARED(uint64_t, shared);
    uint32_t image = blockIdx.x, drawn = 0;
    for (uint32_t group = 0; group < 2; group++) {
        uint32_t n;
        uint64_t *keys = top_k_sorted(&top, 2 * image + group, shared, &n);
        if (drawn + n > t.n_samples) n = t.n_samples - drawn;
        for (uint32_t i = threadIdx.x; i < n; i += ROIS_THREADS)
            keys[i] = top_k_index(&top, keys[i]);
        __syncthreads();
        top_k_sort(keys, n);
        for (uint32_t i = threadIdx.x; i < n; i += ROIS_THREADS)
            t.drawn[(size_t)image * t.n_samples + drawn + i] = (uint32_t)keys[i];
        drawn += n;
        int32_t *counts = group == 0 ? t.n_positive : t.n_drawn;
        if (threadIdx.x == 0) counts[image] = (int32_t)drawn;
        __syncthreads();
    }
}

// Blocks: rows of the list.
static __global__ void __launch_bounds__(CUDA_BLOCK) rois_emit(struct rois_task t)
{
    uint32_t i = blockIdx.x * CUDA_BLOCK + threadIdx.x, image, place;
    if (i == 0) {
        *t.count = kept_total(t.n_drawn, t.n_images);
        *t.positive_count = kept_total(t.n_positive, t.n_images);
    }
    if (i < t.n_images * t.max_positive) {
        int32_t row = 0; // positives come first in their image
        if (kept_at(t.n_positive, t.n_images, i, &image, &place))
            row = kept_total(t.n_drawn, image) + (int32_t)place;
        t.positives[i] = row;
    }
    if (i >= t.n_images * t.n_samples) return;
    float4 box = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    int32_t of_image = 0, label = 0, match = 0;
    if (kept_at(t.n_drawn, t.n_images, i, &image, &place)) {
        uint32_t candidate = t.drawn[(size_t)image * t.n_samples + place];
        size_t at = (size_t)image * t.capacity + candidate;
        box = t.candidate[at];
        match = t.match[at];
        of_image = (int32_t)image;
        if (match >= 0) label = t.gt_labels[(size_t)image * t.max_objects + (uint32_t)match];
    }
    t.rois[i] = box;
    t.roi_image[i] = of_image;
    t.labels[i] = label;
    t.matched[i] = match;
}

static struct rois_task rois_task_of(const struct op_call *call)
{
    const struct sample_rois_args *args = (const struct sample_rois_args *)call->args;
    struct tensor *const *in = call->in, *const *out = call->out;
    struct rois_task t = {};
    t.boxes = (const float4 *)in[ROIS_IN_BOXES]->data;
    t.keep = (const int32_t *)in[ROIS_IN_KEEP]->data;
    t.n_keep = (const int32_t *)in[ROIS_IN_N_KEEP]->data;
    t.gt_boxes = (const float *)in[ROIS_IN_GT_BOXES]->data;
    t.gt_labels = (const int32_t *)in[ROIS_IN_GT_LABELS]->data;
    t.gt_count = (const int32_t *)in[ROIS_IN_GT_COUNT]->data;
    t.given = in[ROIS_IN_GIVEN] ? (const int32_t *)in[ROIS_IN_GIVEN]->data : NULL;
    t.n_images = (uint32_t)in[ROIS_IN_BOXES]->shape[0];
    t.n_slots = (uint32_t)in[ROIS_IN_BOXES]->shape[1];
    t.max_keep = (uint32_t)in[ROIS_IN_KEEP]->shape[1];
    t.max_objects = (uint32_t)in[ROIS_IN_GT_BOXES]->shape[1];
    t.n_samples = (uint32_t)args->n_samples;
    t.max_positive = (uint32_t)((double)args->n_samples * (double)args->positive_fraction);
    t.iou = args->iou;
    t.capacity = t.max_keep + t.max_objects;
    t.rois = (float4 *)out[0]->data;
    t.roi_image = (int32_t *)out[1]->data;
    t.labels = (int32_t *)out[2]->data;
    t.matched = (int32_t *)out[3]->data;
    t.count = (int32_t *)out[4]->data;
    t.positives = (int32_t *)out[5]->data;
    t.positive_count = (int32_t *)out[6]->data;
    return t;
}

static enum status rois_scratch(const struct op_call *call, struct top_k *top, struct rois_task *t,
                                void **top_scratch)
{
    size_t n = (size_t)t->n_images * t->capacity;
    size_t box_bytes = n * sizeof *t->candidate, match_bytes = n * sizeof *t->match;
    size_t drawn_bytes = (size_t)t->n_images * t->n_samples * sizeof *t->drawn;
    size_t count_bytes = t->n_images * sizeof *t->n_drawn, top_bytes = top_k_plan(top);
    void *memory = NULL;
    TRY(call->backend->scratch(call->backend,
                               cuda_scratch_round(box_bytes) + cuda_scratch_round(match_bytes) +
                                   cuda_scratch_round(drawn_bytes) +
                                   2 * cuda_scratch_round(count_bytes) + top_bytes,
                               &memory));
    char *scratch = (char *)memory;
    t->candidate = (float4 *)cuda_scratch_cut(&scratch, box_bytes);
    t->match = (int32_t *)cuda_scratch_cut(&scratch, match_bytes);
    t->drawn = (uint32_t *)cuda_scratch_cut(&scratch, drawn_bytes);
    t->n_drawn = (int32_t *)cuda_scratch_cut(&scratch, count_bytes);
    t->n_positive = (int32_t *)cuda_scratch_cut(&scratch, count_bytes);
    *top_scratch = scratch;
    return OK;
}

enum status cuda_sample_rois_forward(const struct op_call *call)
{
    struct rois_task t = rois_task_of(call);
    struct top_k top = {};
    top.order = TOP_K_DRAW;
    top.n = t.capacity;
    top.n_segments = 2 * t.n_images;
    top.keep[0] = t.max_positive;
    top.keep[1] = t.n_samples;
    top.seed = call->seed;
    top.stream = RNG_ROI_SAMPLES;
    top.step = call->step;
    void *top_scratch = NULL;
    TRY(rois_scratch(call, &top, &t, &top_scratch));
    top.values = t.match;
    if (t.n_images > 0) {
        if (t.capacity > 0) {
            dim3 grid((t.capacity + CUDA_BLOCK - 1) / CUDA_BLOCK, t.n_images);
            CUDA_LAUNCH(rois_match, grid, CUDA_BLOCK, 0, cuda_stream(call), t);
            TRY(cuda_check(call, "sample_rois"));
        }
        TRY(top_k_run(call, &top, top_scratch));
        CUDA_LAUNCH(rois_draw, t.n_images, ROIS_THREADS, top_k_shared_bytes(&top),
                    cuda_stream(call), top, t);
        TRY(cuda_check(call, "sample_rois"));
    }
    unsigned blocks = t.n_images * t.n_samples / CUDA_BLOCK + 1; // one thread for the counts
    CUDA_LAUNCH(rois_emit, blocks, CUDA_BLOCK, 0, cuda_stream(call), t);
    return cuda_check(call, "sample_rois");
}
