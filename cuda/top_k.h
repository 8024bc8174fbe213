// The best few of each row of a large array, in an order that is total, so that the result is one
// whatever the order in which threads meet the elements: a radix select narrows the keys until few
// enough are left, these are collected, and the caller's kernel sorts them.
#ifndef TARN_CUDA_TOP_K_H
#define TARN_CUDA_TOP_K_H

#include "cuda/kernels.h"
#include "cuda/launch.h"

// Smaller keys are better. The element's index is their lower part: no two are equal.
enum top_k_order {
    TOP_K_SCORES, // sigmoid(logit) descending, those above a threshold
    TOP_K_LOGITS, // logits descending, what is not a number last
    TOP_K_DRAW,   // random keys; values are matches. Segment 2r: those of row r with a match >= 0;
                  // segment 2r + 1: those with MATCH_NONE
};

enum { TOP_K_BINS = 2048, TOP_K_THREADS = 256 };

struct top_k_state {
    uint64_t prefix, bound; // of the keys still undecided; keys below bound are collected
    uint32_t need, taken;   // how many of the undecided are wanted; how many are decided
    int32_t is_done;
};

// The caller fills the first part; top_k_plan and top_k_run the rest.
struct top_k {
    enum top_k_order order;
    const void *values; // (rows, n): f32, or i32 for TOP_K_DRAW
    uint32_t n, n_segments;
    uint32_t keep[2]; // of a segment; TOP_K_DRAW: of the even ones, of the odd ones
    float threshold, cutoff; // TOP_K_SCORES; cutoff: logit_below(threshold)
    uint64_t seed;           // TOP_K_DRAW; element: row * n + index
    uint32_t stream, step;

    int n_passes, index_bits, key_bits;
    uint32_t capacity; // of a segment in `found`, a power of two
    uint32_t *n_found, *histograms;
    struct top_k_state *states;
    uint64_t *found; // (n_segments, capacity)
};

// Sets capacity and the like. Returns the bytes of scratch.
size_t top_k_plan(struct top_k *top);

// Collects: found[segment * capacity ..] holds n_found[segment] keys, the best `keep` of which are
// the result. scratch: top_k_plan() bytes, 64-byte aligned.
enum status top_k_run(const struct op_call *call, struct top_k *top, void *scratch) MUST_USE;

// Few keys are sorted in shared memory, of top_k_shared_bytes; many where they lie.
enum { TOP_K_SHARED_KEYS = 4096 };
static inline size_t top_k_shared_bytes(const struct top_k *top)
{
    return top->capacity <= TOP_K_SHARED_KEYS ? top->capacity * sizeof *top->found : 0;
}

static __device__ inline uint32_t top_k_keep(const struct top_k *top, uint32_t segment)
{
    return top->order == TOP_K_DRAW && segment % 2 ? top->keep[1] : top->keep[0];
}

// Sorts n keys ascending (bitonic), by the whole block. keys has room for the next power of two.
static __device__ inline void top_k_sort(uint64_t *keys, uint32_t n)
{
    uint32_t size = 1;
    while (size < n) size *= 2;
    for (uint32_t i = n + threadIdx.x; i < size; i += blockDim.x) keys[i] = UINT64_MAX;
    __syncthreads();
    for (uint32_t run = 2; run <= size; run *= 2)
        for (uint32_t step = run / 2; step > 0; step /= 2) {
            for (uint32_t k = threadIdx.x; k < size / 2; k += blockDim.x) {
                uint32_t i = 2 * k - (k & (step - 1)), j = i + step;
                uint64_t a = keys[i], b = keys[j];
                if ((a > b) == ((i & run) == 0)) {
                    keys[i] = b;
                    keys[j] = a;
                }
            }
            __syncthreads();
        }
}

// The segment's keys in ascending order; *n: how many of them are its result. shared: the
// kernel's dynamic shared memory, which no thread may still be reading.
static __device__ inline uint64_t *top_k_sorted(const struct top_k *top, uint32_t segment,
                                                uint64_t *shared, uint32_t *n)
{
    uint64_t *keys = top->found + (size_t)segment * top->capacity;
    uint32_t n_found = top->n_found[segment];
    uint32_t keep = top_k_keep(top, segment);
    if (top->capacity <= TOP_K_SHARED_KEYS) {
        for (uint32_t i = threadIdx.x; i < n_found; i += blockDim.x) shared[i] = keys[i];
        keys = shared;
    }
    top_k_sort(keys, n_found);
    *n = n_found < keep ? n_found : keep;
    return keys;
}

static __device__ inline uint32_t top_k_index(const struct top_k *top, uint64_t key)
{
    return (uint32_t)(key & (((uint64_t)1 << top->index_bits) - 1));
}

// The score of one of TOP_K_SCORES.
static __device__ inline float top_k_score(const struct top_k *top, uint64_t key)
{
    return __uint_as_float(__float_as_uint(1.0f) - (uint32_t)(key >> top->index_bits));
}

#endif
