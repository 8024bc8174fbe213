#include "cuda/match.h"

#include <math.h>

#include "cuda/block.h"
#include "cuda/kernels.h"

// Low-quality matches need each object's best IoU over all anchors before any anchor is decided:
// two passes that compute the same IoUs. What is stored between them is one float per object. A
// maximum is the same in any order, and so is a count, so that atomics on them repeat.
//
// Anchors lie in the order of the image's rows, so that most blocks meet few objects. IoU with the
// others is exactly 0, which changes neither a maximum nor who holds it.
enum { MATCH_THREADS = 256, MATCH_WARPS = MATCH_THREADS / 32 };

struct match_task {
    const float *anchors, *objects; // (n_anchors,4), (n_images,capacity,4)
    const int32_t *n_objects;       // (n_images)
    uint32_t *claims;               // (n_images,capacity): bits of each object's best IoU, or NULL
    int32_t *matched, *n_positive;
    uint32_t n_anchors, capacity;
    float high, low;
};

// Objects that the block's anchors meet, in ascending order.
struct match_list {
    float box[MATCH_THREADS][4], area[MATCH_THREADS];
    int32_t index[MATCH_THREADS];
};

// left, top, right, bottom around all boxes of the block.
static __device__ void match_bounds(const float box[4], bool is_box, float bounds[4])
{
    __shared__ float of_warp[MATCH_WARPS][4];
    for (int k = 0; k < 4; k++) {
        float sign = k < 2 ? 1.0f : -1.0f, least = is_box ? sign * box[k] : INFINITY;
        for (int step = 16; step > 0; step /= 2) {
            float other = __shfl_xor_sync(CUDA_ALL_LANES, least, step);
            least = other < least ? other : least;
        }
        if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32][k] = least;
    }
    __syncthreads();
    for (int k = 0; k < 4; k++) {
        float least = of_warp[0][k];
        for (int w = 1; w < MATCH_WARPS; w++) least = of_warp[w][k] < least ? of_warp[w][k] : least;
        bounds[k] = k < 2 ? least : -least;
    }
    __syncthreads();
}

// The next MATCH_THREADS objects from `begin` on: those that meet the bounds. Returns their number.
static __device__ uint32_t match_gather(const float *objects, uint32_t begin, uint32_t n_objects,
                                        const float bounds[4], struct match_list *list)
{
    uint32_t i = begin + threadIdx.x, n;
    float box[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    if (i < n_objects) match_load(objects, i, box);
    bool meets = i < n_objects && box[0] < bounds[2] && box[2] > bounds[0] && box[1] < bounds[3] &&
                 box[3] > bounds[1];
    uint32_t at = block_rank(meets, &n);
    if (meets) {
        for (int k = 0; k < 4; k++) list->box[at][k] = box[k];
        list->area[at] = box_area(box);
        list->index[at] = (int32_t)i;
    }
    __syncthreads();
    return n;
}

static __device__ uint32_t match_objects(const struct match_task *t, uint32_t image)
{
    int32_t n = t->n_objects[image];
    return n < 0 ? 0 : (uint32_t)n < t->capacity ? (uint32_t)n : t->capacity;
}

// Blocks: anchors, image.
static __global__ void __launch_bounds__(MATCH_THREADS) match_claims(struct match_task t)
{
    __shared__ struct match_list list;
    uint32_t image = blockIdx.y, i = blockIdx.x * MATCH_THREADS + threadIdx.x;
    uint32_t n_objects = match_objects(&t, image);
    const float *objects = t.objects + 4 * (size_t)image * t.capacity;
    uint32_t *claims = t.claims + (size_t)image * t.capacity;
    bool is_anchor = i < t.n_anchors;
    float anchor[4] = {0.0f, 0.0f, 0.0f, 0.0f}, bounds[4];
    if (is_anchor) match_load(t.anchors, i, anchor);
    match_bounds(anchor, is_anchor, bounds);
    float area = box_area(anchor);
    for (uint32_t begin = 0; begin < n_objects; begin += MATCH_THREADS) {
        uint32_t n = match_gather(objects, begin, n_objects, bounds, &list);
        for (uint32_t k = 0; k < n; k++) {
            float iou = is_anchor ? box_iou(anchor, area, list.box[k], list.area[k]) : 0.0f;
            float best = iou > 0.0f ? iou : 0.0f; // NaN is none
            for (int step = 16; step > 0; step /= 2) {
                float other = __shfl_xor_sync(CUDA_ALL_LANES, best, step);
                best = other > best ? other : best;
            }
            // Bits of floats that are not negative are in the order of their values.
            if (threadIdx.x % 32 == 0 && best > 0.0f)
                atomicMax(&claims[list.index[k]], __float_as_uint(best));
        }
        __syncthreads();
    }
}

static __global__ void __launch_bounds__(MATCH_THREADS) match_assign(struct match_task t)
{
    __shared__ struct match_list list;
    uint32_t image = blockIdx.y, i = blockIdx.x * MATCH_THREADS + threadIdx.x, n_positive;
    uint32_t n_objects = match_objects(&t, image);
    const float *objects = t.objects + 4 * (size_t)image * t.capacity;
    const uint32_t *claims = t.claims ? t.claims + (size_t)image * t.capacity : NULL;
    bool is_anchor = i < t.n_anchors;
    float anchor[4] = {0.0f, 0.0f, 0.0f, 0.0f}, bounds[4];
    if (is_anchor) match_load(t.anchors, i, anchor);
    match_bounds(anchor, is_anchor, bounds);
    float area = box_area(anchor);
    struct match_best best = match_nothing((int32_t)n_objects);
    for (uint32_t begin = 0; begin < n_objects; begin += MATCH_THREADS) {
        uint32_t n = match_gather(objects, begin, n_objects, bounds, &list);
        for (uint32_t k = 0; k < n; k++) {
            float iou = box_iou(anchor, area, list.box[k], list.area[k]);
            if (iou > best.iou) {
                best.iou = iou;
                best.object = list.index[k];
            }
            // An object that no anchor touches would claim every anchor that misses it.
            float claim = claims ? __uint_as_float(claims[list.index[k]]) : 0.0f;
            if (claim > 0.0f && iou == claim) best.is_claimed = true;
        }
        __syncthreads();
    }
    int32_t match = is_anchor ? match_result(&best, t.high, t.low) : MATCH_NONE;
    if (is_anchor) t.matched[(size_t)image * t.n_anchors + i] = match;
    (void)block_rank(match >= 0, &n_positive);
    if (threadIdx.x == 0 && n_positive) atomicAdd(&t.n_positive[image], (int32_t)n_positive);
}

enum status cuda_match_anchors_forward(const struct op_call *call)
{
    const struct match_args *args = (const struct match_args *)call->args;
    uint32_t n_images = (uint32_t)call->in[1]->shape[0];
    struct match_task t = {};
    t.anchors = (const float *)call->in[0]->data;
    t.objects = (const float *)call->in[1]->data;
    t.n_objects = (const int32_t *)call->in[2]->data;
    t.matched = (int32_t *)call->out[0]->data;
    t.n_positive = (int32_t *)call->out[1]->data;
    t.n_anchors = (uint32_t)call->in[0]->shape[0];
    t.capacity = (uint32_t)call->in[1]->shape[1];
    t.high = args->high;
    t.low = args->low;
    TRY(call->backend->zero(call->backend, t.n_positive, n_images * sizeof *t.n_positive));
    if (n_images == 0 || t.n_anchors == 0) return OK;
    dim3 grid((t.n_anchors + MATCH_THREADS - 1) / MATCH_THREADS, n_images);
    if (args->allow_low_quality && t.capacity > 0) {
        size_t bytes = (size_t)n_images * t.capacity * sizeof *t.claims;
        void *scratch = NULL;
        TRY(call->backend->scratch(call->backend, bytes, &scratch));
        TRY(call->backend->zero(call->backend, scratch, bytes));
        t.claims = (uint32_t *)scratch;
        CUDA_LAUNCH(match_claims, grid, MATCH_THREADS, 0, cuda_stream(call), t);
        TRY(cuda_check(call, "match_anchors"));
    }
    CUDA_LAUNCH(match_assign, grid, MATCH_THREADS, 0, cuda_stream(call), t);
    return cuda_check(call, "match_anchors");
}
