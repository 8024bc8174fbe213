#include <math.h>

#include "cuda/block.h"
#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "nn/box_iou.h"

// Candidates are sorted by their rank among the others. Then, CHUNK of them at a time: who overlaps
// whom is found in parallel, as bits, and one block walks through the bits by descending score.
// What chunk an image needs is known to the device alone: blocks without work end at once.
enum { NMS_THREADS = 256, NMS_WORD = 64, NMS_CHUNK = 4096, NMS_WORDS = NMS_CHUNK / NMS_WORD };

struct nms_task {
    const float4 *boxes; // (n_images, n_slots), and the next two
    const float *scores;
    const int32_t *labels;
    int32_t *keep, *n_keep;
    uint32_t n_images, n_slots, max_keep, n_words; // n_words: of a row of `mask`
    float threshold; // a float IoU exceeds it where it exceeds the threshold in double

    uint32_t *n_valid;   // (n_images)
    uint32_t *removed;   // (n_images, chunks, 2 * NMS_WORDS): by what earlier chunks kept
    uint64_t *keys;      // (n_images, n_slots): score descending, slot; n_valid of them
    float4 *sorted;      // (n_images, n_slots), and the next two
    int32_t *slot, *label;
    uint64_t *mask; // (n_images, NMS_CHUNK, n_words): whom each suppresses in its chunk
    uint32_t n_chunks;
};

static __device__ bool nms_overlap(float4 a, float4 b, float threshold)
{
    const float p[4] = {a.x, a.y, a.z, a.w}, q[4] = {b.x, b.y, b.z, b.w};
    return box_iou(p, box_area(p), q, box_area(q)) > threshold;
}

static __global__ void __launch_bounds__(NMS_THREADS) nms_compact(struct nms_task t)
{
    __shared__ uint32_t begin;
    uint32_t i = blockIdx.x * NMS_THREADS + threadIdx.x, total;
    const float *scores = t.scores + (size_t)blockIdx.y * t.n_slots;
    float score = i < t.n_slots ? scores[i] : -1.0f;
    bool is_valid = score >= 0.0f;
    uint32_t rank = block_rank(is_valid, &total);
    if (threadIdx.x == 0) begin = atomicAdd(&t.n_valid[blockIdx.y], total);
    __syncthreads();
    if (!is_valid) return;
    uint32_t bits = __float_as_uint(score + 0.0f); // one zero, not two
    t.keys[(size_t)blockIdx.y * t.n_slots + begin + rank] = (uint64_t)~bits << 32 | i;
}

static __global__ void __launch_bounds__(NMS_THREADS) nms_sort(struct nms_task t)
{
    __shared__ uint64_t tile[NMS_THREADS];
    uint32_t n = t.n_valid[blockIdx.y], i = blockIdx.x * NMS_THREADS + threadIdx.x;
    if (blockIdx.x * NMS_THREADS >= n) return;
    size_t row = (size_t)blockIdx.y * t.n_slots;
    uint64_t own = i < n ? t.keys[row + i] : UINT64_MAX;
    uint32_t rank = 0;
    for (uint32_t begin = 0; begin < n; begin += NMS_THREADS) {
        uint32_t at = begin + threadIdx.x;
        tile[threadIdx.x] = at < n ? t.keys[row + at] : UINT64_MAX;
        __syncthreads();
#pragma unroll 8
        for (uint32_t k = 0; k < NMS_THREADS; k++) rank += tile[k] < own;
        __syncthreads();
    }
    if (i >= n) return;
    uint32_t slot = (uint32_t)own;
    t.slot[row + rank] = (int32_t)slot;
    t.sorted[row + rank] = t.boxes[row + slot];
    t.label[row + rank] = t.labels[row + slot];
}

// Candidates of the chunk from here on; 0 where the walk is over.
static __device__ uint32_t nms_left(const struct nms_task *t, uint32_t image, uint32_t chunk)
{
    uint32_t n = t->n_valid[image], begin = chunk * NMS_CHUNK;
    if (begin >= n || (chunk > 0 && (uint32_t)t->n_keep[image] >= t->max_keep)) return 0;
    return n - begin < NMS_CHUNK ? n - begin : (uint32_t)NMS_CHUNK;
}

// Blocks: word of columns, 64 rows, image.
static __global__ void __launch_bounds__(NMS_WORD) nms_mask(struct nms_task t, uint32_t chunk)
{
    __shared__ float4 boxes[NMS_WORD];
    __shared__ int32_t labels[NMS_WORD];
    uint32_t left = nms_left(&t, blockIdx.z, chunk), word = blockIdx.x;
    if (word < blockIdx.y || word * NMS_WORD >= left) return;
    size_t first = (size_t)blockIdx.z * t.n_slots + chunk * NMS_CHUNK;
    uint32_t row = blockIdx.y * NMS_WORD + threadIdx.x;
    uint32_t n = left - word * NMS_WORD < NMS_WORD ? left - word * NMS_WORD : (uint32_t)NMS_WORD;
    if (threadIdx.x < n) {
        boxes[threadIdx.x] = t.sorted[first + word * NMS_WORD + threadIdx.x];
        labels[threadIdx.x] = t.label[first + word * NMS_WORD + threadIdx.x];
    }
    __syncthreads();
    if (row >= left) return;
    float4 box = t.sorted[first + row];
    int32_t label = t.label[first + row];
    uint64_t bits = 0;
    for (uint32_t k = word == blockIdx.y ? threadIdx.x + 1 : 0; k < n; k++)
        if (labels[k] == label && nms_overlap(box, boxes[k], t.threshold)) bits |= (uint64_t)1 << k;
    t.mask[((size_t)blockIdx.z * t.n_words * NMS_WORD + row) * t.n_words + word] = bits;
}

// Blocks: word of candidates, 64 of those that earlier chunks kept, image.
static __global__ void __launch_bounds__(NMS_WORD) nms_earlier(struct nms_task t, uint32_t chunk)
{
    __shared__ float4 boxes[NMS_WORD];
    __shared__ int32_t labels[NMS_WORD];
    uint32_t left = nms_left(&t, blockIdx.z, chunk), image = blockIdx.z;
    uint32_t i = blockIdx.x * NMS_WORD + threadIdx.x, kept = blockIdx.y * NMS_WORD;
    uint32_t n_keep = (uint32_t)t.n_keep[image];
    if (blockIdx.x * NMS_WORD >= left || kept >= n_keep) return;
    uint32_t n = n_keep - kept < NMS_WORD ? n_keep - kept : (uint32_t)NMS_WORD;
    size_t row = (size_t)image * t.n_slots;
    if (threadIdx.x < n) {
        int32_t slot = t.keep[(size_t)image * t.max_keep + kept + threadIdx.x];
        boxes[threadIdx.x] = t.boxes[row + (uint32_t)slot];
        labels[threadIdx.x] = t.labels[row + (uint32_t)slot];
    }
    __syncthreads();
    bool is_removed = false;
    if (i < left) {
        float4 box = t.sorted[row + chunk * NMS_CHUNK + i];
        int32_t label = t.label[row + chunk * NMS_CHUNK + i];
        for (uint32_t k = 0; k < n && !is_removed; k++)
            is_removed = labels[k] == label && nms_overlap(boxes[k], box, t.threshold);
    }
    uint32_t bits = __ballot_sync(CUDA_ALL_LANES, is_removed);
    uint32_t *removed = t.removed + ((size_t)image * t.n_chunks + chunk) * 2 * NMS_WORDS;
    if (threadIdx.x % 32 == 0 && bits) atomicOr(&removed[i / 32], bits);
}

static __device__ uint32_t nms_count(uint64_t bits)
{
    return (uint32_t)(__popc((uint32_t)bits) + __popc((uint32_t)(bits >> 32)));
}

// One block an image: 64 candidates at a time, of which one thread decides, all others follow.
static __global__ void __launch_bounds__(NMS_THREADS) nms_walk(struct nms_task t, uint32_t chunk)
{
    enum { GROUPS = NMS_THREADS / NMS_WORD };
    __shared__ uint64_t removed[NMS_WORDS], part[GROUPS][NMS_WORD], own[NMS_WORD], kept;
    uint32_t image = blockIdx.x, left = nms_left(&t, image, chunk);
    uint32_t lane = threadIdx.x % NMS_WORD, group = threadIdx.x / NMS_WORD;
    uint32_t n_keep = chunk > 0 ? (uint32_t)t.n_keep[image] : 0;
    const int32_t *slot = t.slot + (size_t)image * t.n_slots + chunk * NMS_CHUNK;
    int32_t *keep = t.keep + (size_t)image * t.max_keep;
    const uint32_t *before = t.removed + ((size_t)image * t.n_chunks + chunk) * 2 * NMS_WORDS;
    if (threadIdx.x < NMS_WORDS)
        removed[threadIdx.x] =
            (uint64_t)before[2 * threadIdx.x + 1] << 32 | before[2 * threadIdx.x];
    for (uint32_t word = 0; word * NMS_WORD < left && n_keep < t.max_keep; word++) {
        uint32_t n = left - word * NMS_WORD < NMS_WORD ? left - word * NMS_WORD
                                                       : (uint32_t)NMS_WORD;
        const uint64_t *rows =
            t.mask + ((size_t)image * t.n_words * NMS_WORD + word * NMS_WORD) * t.n_words;
        if (threadIdx.x < n) own[threadIdx.x] = rows[(size_t)threadIdx.x * t.n_words + word];
        __syncthreads();
        if (threadIdx.x == 0) {
            uint64_t gone = removed[word];
            uint32_t room = t.max_keep - n_keep;
            kept = 0;
            for (uint32_t i = 0; i < n && room > 0; i++) {
                if (gone >> i & 1) continue;
                kept |= (uint64_t)1 << i;
                gone |= own[i];
                room--;
            }
        }
        __syncthreads();
        uint64_t chosen = kept, gone = 0;
        if (threadIdx.x < NMS_WORD && chosen >> lane & 1)
            keep[n_keep + nms_count(chosen & (((uint64_t)1 << lane) - 1))] =
                slot[word * NMS_WORD + lane];
        n_keep += nms_count(chosen);
        if (lane > word && lane * NMS_WORD < left)
            for (uint32_t i = group; i < n; i += GROUPS)
                if (chosen >> i & 1) gone |= rows[(size_t)i * t.n_words + lane];
        part[group][lane] = gone;
        __syncthreads();
        if (threadIdx.x < NMS_WORD)
            for (int g = 0; g < GROUPS; g++) removed[lane] |= part[g][lane];
    }
    if (threadIdx.x == 0) t.n_keep[image] = (int32_t)n_keep;
    if (chunk + 1 < t.n_chunks) return;
    for (uint32_t k = n_keep + threadIdx.x; k < t.max_keep; k += NMS_THREADS) keep[k] = -1;
}

// The largest float that is not above the threshold.
static float nms_threshold(double threshold)
{
    float below = (float)threshold;
    return (double)below > threshold ? nextafterf(below, -INFINITY) : below;
}

static enum status nms_scratch(const struct op_call *call, struct nms_task *t)
{
    size_t n = (size_t)t->n_images * t->n_slots, chunks = (size_t)t->n_images * t->n_chunks;
    size_t removed_bytes = chunks * 2 * NMS_WORDS * sizeof *t->removed;
    size_t valid_bytes = cuda_scratch_round(t->n_images * sizeof *t->n_valid);
    size_t keys_bytes = cuda_scratch_round(n * sizeof *t->keys);
    size_t boxes_bytes = cuda_scratch_round(n * sizeof *t->sorted);
    size_t slot_bytes = cuda_scratch_round(n * sizeof *t->slot);
    size_t mask_bytes =
        (size_t)t->n_images * t->n_words * NMS_WORD * t->n_words * sizeof *t->mask;
    void *memory = NULL;
    TRY(call->backend->scratch(call->backend,
                               valid_bytes + removed_bytes + keys_bytes + boxes_bytes +
                                   2 * slot_bytes + mask_bytes,
                               &memory));
    char *scratch = (char *)memory;
    t->n_valid = (uint32_t *)cuda_scratch_cut(&scratch, valid_bytes);
    t->removed = (uint32_t *)cuda_scratch_cut(&scratch, removed_bytes);
    t->keys = (uint64_t *)cuda_scratch_cut(&scratch, keys_bytes);
    t->sorted = (float4 *)cuda_scratch_cut(&scratch, boxes_bytes);
    t->slot = (int32_t *)cuda_scratch_cut(&scratch, slot_bytes);
    t->label = (int32_t *)cuda_scratch_cut(&scratch, slot_bytes);
    t->mask = (uint64_t *)cuda_scratch_cut(&scratch, mask_bytes);
    return call->backend->zero(call->backend, memory, valid_bytes + removed_bytes);
}

enum status cuda_nms_forward(const struct op_call *call)
{
    const struct nms_args *args = (const struct nms_args *)call->args;
    struct nms_task t = {};
    t.boxes = (const float4 *)call->in[0]->data;
    t.scores = (const float *)call->in[1]->data;
    t.labels = (const int32_t *)call->in[2]->data;
    t.keep = (int32_t *)call->out[0]->data;
    t.n_keep = (int32_t *)call->out[1]->data;
    t.n_images = (uint32_t)call->in[0]->shape[0];
    t.n_slots = (uint32_t)call->in[0]->shape[1];
    t.max_keep = (uint32_t)(args->max_keep > 0 ? args->max_keep : 0);
    t.threshold = nms_threshold(args->iou_threshold);
    if (t.n_images == 0) return OK;
    uint32_t n = t.n_slots > 0 ? t.n_slots : 1, most = n < NMS_CHUNK ? n : (uint32_t)NMS_CHUNK;
    t.n_words = (most + NMS_WORD - 1) / NMS_WORD;
    t.n_chunks = (n + NMS_CHUNK - 1) / NMS_CHUNK;
    TRY(nms_scratch(call, &t));
    dim3 all((n + NMS_THREADS - 1) / NMS_THREADS, t.n_images);
    CUDA_LAUNCH(nms_compact, all, NMS_THREADS, 0, cuda_stream(call), t);
    TRY(cuda_check(call, "nms"));
    CUDA_LAUNCH(nms_sort, all, NMS_THREADS, 0, cuda_stream(call), t);
    TRY(cuda_check(call, "nms"));
    dim3 pairs(t.n_words, t.n_words, t.n_images);
    dim3 earlier(t.n_words, (t.max_keep + NMS_WORD - 1) / NMS_WORD, t.n_images);
    for (uint32_t chunk = 0; chunk < t.n_chunks && t.max_keep > 0; chunk++) {
        if (chunk > 0) {
            CUDA_LAUNCH(nms_earlier, earlier, NMS_WORD, 0, cuda_stream(call), t, chunk);
            TRY(cuda_check(call, "nms"));
        }
        CUDA_LAUNCH(nms_mask, pairs, NMS_WORD, 0, cuda_stream(call), t, chunk);
        TRY(cuda_check(call, "nms"));
        CUDA_LAUNCH(nms_walk, t.n_images, NMS_THREADS, 0, cuda_stream(call), t, chunk);
        TRY(cuda_check(call, "nms"));
    }
    if (t.max_keep > 0) return OK;
    return call->backend->zero(call->backend, t.n_keep, t.n_images * sizeof *t.n_keep);
}
