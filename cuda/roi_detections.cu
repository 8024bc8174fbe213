#include <math.h>

#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "cuda/list.h"
#include "nn/box_coder.h"

enum { DETECT_IN_LOGITS, DETECT_IN_DELTAS, DETECT_IN_ROIS, DETECT_IN_IMAGE, DETECT_IN_COUNT };
enum { DETECT_IN_SIZES = DETECT_IN_COUNT + 1 };

struct detect_task {
    struct roi_detections_args args;
    const float *logits, *deltas, *rois, *sizes;
    const int32_t *roi_image, *count;
    float *boxes, *scores;
    int32_t *labels;
    int64_t capacity, n_classes, n_deltas, n_slots; // rois; of a RoI; of an image
};

// The first of the list's RoIs that belongs to `image`: they are in the images' order.
static __device__ int64_t detect_first(const int32_t *roi_image, int64_t n, int32_t image)
{
    int64_t low = 0, high = n;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (roi_image[middle] < image)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static __device__ double detect_largest(double value)
{
    for (int step = 16; step > 0; step /= 2) {
        double other = __shfl_xor_sync(CUDA_ALL_LANES, value, step);
        value = other > value ? other : value;
    }
    return value;
}

static __device__ double detect_sum(double value)
{
    for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(CUDA_ALL_LANES, value, step);
    return value;
}

static __global__ void __launch_bounds__(CUDA_BLOCK) detect_clear(struct detect_task t, int64_t n)
{
    for (int64_t i = (int64_t)CUDA_FIRST; i < n; i += (int64_t)CUDA_STEP) {
        ((float4 *)t.boxes)[i] = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
        t.scores[i] = -1.0f;
        t.labels[i] = -1;
    }
}

// A warp a RoI; its classes that pass fill its slots in ascending order. Scores are computed as on
// the CPU, in double: who passes the threshold shall not depend on the backend.
static __global__ void __launch_bounds__(CUDA_BLOCK) detect_rois(struct detect_task t)
{
    int64_t i = (int64_t)(CUDA_FIRST / 32), n = list_count(t.count, t.capacity);
    if (i >= n) return;
    int lane = (int)(threadIdx.x % 32);
    const float *logits = t.logits + i * t.n_classes, *deltas = t.deltas + i * t.n_deltas;
    int32_t image = t.roi_image[i];
    double largest = -INFINITY, sum = 0.0;
    for (int64_t k = lane; k < t.n_classes; k += 32)
        largest = (double)logits[k] > largest ? (double)logits[k] : largest;
    largest = detect_largest(largest);
    for (int64_t k = lane; k < t.n_classes; k += 32) sum += exp((double)logits[k] - largest);
    sum = detect_sum(sum);
    int64_t slot = (int64_t)image * t.n_slots +
                   (i - detect_first(t.roi_image, n, image)) * t.args.slots_per_roi;
    int used = 0;
    for (int64_t begin = 1; begin < t.n_classes && used < t.args.slots_per_roi; begin += 32) {
        int64_t k = begin + lane;
        float score = 0.0f, box[4];
        bool passes = false;
        if (k < t.n_classes) {
            score = (float)(exp((double)logits[k] - largest) / sum);
            passes = score > t.args.score_threshold;
        }
        if (passes) {
            box_decode(t.rois + 4 * i, deltas + (t.args.class_agnostic ? 0 : 4 * k),
                       t.args.weights, box);
            box_clip(t.sizes + 2 * (int64_t)image, box);
            passes = box[2] - box[0] >= t.args.min_size && box[3] - box[1] >= t.args.min_size;
        }
        uint32_t passing = __ballot_sync(CUDA_ALL_LANES, passes);
        int place = used + __popc(passing & ((1u << lane) - 1));
        used += __popc(passing);
        if (!passes || place >= t.args.slots_per_roi) continue;
        ((float4 *)t.boxes)[slot + place] = make_float4(box[0], box[1], box[2], box[3]);
        t.scores[slot + place] = score;
        t.labels[slot + place] = (int32_t)k;
    }
}

enum status cuda_roi_detections_forward(const struct op_call *call)
{
    struct tensor *const *in = call->in;
    struct detect_task t = {};
    t.args = *(const struct roi_detections_args *)call->args;
    t.logits = (const float *)in[DETECT_IN_LOGITS]->data;
    t.deltas = (const float *)in[DETECT_IN_DELTAS]->data;
    t.rois = (const float *)in[DETECT_IN_ROIS]->data;
    t.roi_image = (const int32_t *)in[DETECT_IN_IMAGE]->data;
    t.count = list_count_of(in[DETECT_IN_COUNT]);
    t.sizes = (const float *)in[DETECT_IN_SIZES]->data;
    t.boxes = (float *)call->out[0]->data;
    t.scores = (float *)call->out[1]->data;
    t.labels = (int32_t *)call->out[2]->data;
    t.capacity = in[DETECT_IN_LOGITS]->shape[0];
    t.n_classes = in[DETECT_IN_LOGITS]->shape[1];
    t.n_deltas = in[DETECT_IN_DELTAS]->shape[1];
    t.n_slots = call->out[1]->shape[1];
    size_t n = tensor_count(call->out[1]);
    if (n == 0) return OK;
    CUDA_LAUNCH(detect_clear, cuda_blocks(n), CUDA_BLOCK, 0, cuda_stream(call), t, (int64_t)n);
    TRY(cuda_check(call, "roi_detections"));
    unsigned blocks = (unsigned)((t.capacity * 32 + CUDA_BLOCK - 1) / CUDA_BLOCK);
    if (blocks == 0) return OK;
    CUDA_LAUNCH(detect_rois, blocks, CUDA_BLOCK, 0, cuda_stream(call), t);
    return cuda_check(call, "roi_detections");
}
