#include "cuda/top_k.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "cuda/block.h"
#include "nn/logit.h"

// Each pass counts the undecided keys by their next digit. Which digit splits them follows from the
// counts; the next kernel's blocks work it out for themselves, which saves a kernel between.
enum { DIGIT_BITS = 11, MAX_PASSES = 6, MIN_CAPACITY = 512 };
static_assert(1 << DIGIT_BITS == TOP_K_BINS, "a bin a digit");

// The first part of the key; false where the element does not take part.
static __device__ bool top_k_rank(const struct top_k *top, uint32_t segment, uint32_t i,
                                  uint32_t *rank)
{
    if (top->order == TOP_K_DRAW) {
        size_t element = (size_t)(segment / 2) * top->n + i;
        int32_t match = ((const int32_t *)top->values)[element];
        if (segment % 2 == 0 ? match < 0 : match != MATCH_NONE) return false;
        *rank = rng_philox(top->seed, top->stream, top->step, element).v[0];
        return true;
    }
    float x = ((const float *)top->values)[(size_t)segment * top->n + i];
    if (top->order == TOP_K_SCORES) {
        if (!(x > top->cutoff)) return false;
        float score = sigmoid(x);
        *rank = __float_as_uint(1.0f) - __float_as_uint(score);
        return score > top->threshold;
    }
    uint32_t bits = __float_as_uint(x + 0.0f); // one zero, not two
    *rank = isnan(x) ? UINT32_MAX : bits >> 31 ? bits : ~bits & 0x7FFFFFFFu;
    return true;
}

static __device__ bool top_k_key(const struct top_k *top, uint32_t segment, uint32_t i,
                                 uint64_t *key)
{
    uint32_t rank;
    if (!top_k_rank(top, segment, i, &rank)) return false;
    *key = (uint64_t)rank << top->index_bits | i;
    return true;
}

struct top_k_digit {
    int shift, width;
};

static __device__ struct top_k_digit top_k_digit_of(const struct top_k *top, int pass)
{
    int above = top->key_bits - DIGIT_BITS * pass;
    struct top_k_digit digit;
    digit.shift = above > DIGIT_BITS ? above - DIGIT_BITS : 0;
    digit.width = above - digit.shift;
    return digit;
}

// The undecided keys fall into bins by their digit of `pass`; the wanted ones end in one of them.
static __device__ void top_k_split(const struct top_k *top, const uint32_t *bins, int pass,
                                   struct top_k_state *state)
{
    enum { OWN = TOP_K_BINS / TOP_K_THREADS };
    const uint32_t *own = bins + threadIdx.x * OWN;
    struct top_k_state last = *state;
    struct top_k_digit digit = top_k_digit_of(top, pass);
    uint32_t sum = 0, total;
    for (int b = 0; b < OWN; b++) sum += own[b];
    uint32_t before = block_sum_before(sum, &total);
    if (total < last.need && threadIdx.x == 0) state->is_done = 1; // bound is above all of them
    if (before >= last.need || before + sum < last.need) return;
    uint32_t b = 0;
    while (before + own[b] < last.need) before += own[b++];
    state->prefix = last.prefix << digit.width | (threadIdx.x * OWN + b);
    state->bound = (state->prefix + 1) << digit.shift;
    state->need = last.need - before;
    state->taken = last.taken + before;
    state->is_done = state->taken + own[b] <= top->capacity;
}

// What is known before `pass`, into shared memory.
static __device__ void top_k_narrow(const struct top_k *top, uint32_t segment, int pass,
                                    struct top_k_state *state)
{
    size_t slot = (size_t)segment * MAX_PASSES + (size_t)pass;
    if (threadIdx.x == 0) {
        if (pass == 0) {
            uint32_t keep = top_k_keep(top, segment);
            state->prefix = 0;
            state->bound = keep ? UINT64_MAX : 0;
            state->need = keep;
            state->taken = 0;
            state->is_done = keep == 0;
        } else {
            *state = top->states[slot - 1];
        }
    }
    __syncthreads();
    if (pass > 0 && !state->is_done) {
        const uint32_t *bins = top->histograms +
                               ((size_t)segment * (size_t)top->n_passes + (size_t)(pass - 1)) *
                                   TOP_K_BINS;
        top_k_split(top, bins, pass - 1, state);
    }
    __syncthreads();
    if (pass < top->n_passes && blockIdx.x == 0 && threadIdx.x == 0) top->states[slot] = *state;
}

static __global__ void __launch_bounds__(TOP_K_THREADS) top_k_count(struct top_k top, int pass)
{
    __shared__ struct top_k_state state;
    __shared__ uint32_t bins[TOP_K_BINS];
    uint32_t segment = blockIdx.y;
    top_k_narrow(&top, segment, pass, &state);
    if (state.is_done) return;
    for (uint32_t b = threadIdx.x; b < TOP_K_BINS; b += TOP_K_THREADS) bins[b] = 0;
    __syncthreads();
    struct top_k_digit digit = top_k_digit_of(&top, pass);
    uint32_t mask = (1u << digit.width) - 1;
    int above = digit.shift + digit.width;
    uint64_t prefix = state.prefix;
    for (uint64_t i = blockIdx.x * TOP_K_THREADS + threadIdx.x; i < top.n;
         i += gridDim.x * TOP_K_THREADS) {
        uint64_t key;
        if (!top_k_key(&top, segment, (uint32_t)i, &key)) continue;
        if (above < 64 && key >> above != prefix) continue;
        atomicAdd(&bins[(uint32_t)(key >> digit.shift) & mask], 1u);
    }
    __syncthreads();
    uint32_t *sums =
        top.histograms + ((size_t)segment * (size_t)top.n_passes + (size_t)pass) * TOP_K_BINS;
    for (uint32_t b = threadIdx.x; b < TOP_K_BINS; b += TOP_K_THREADS)
        if (bins[b]) atomicAdd(&sums[b], bins[b]);
}

static __global__ void __launch_bounds__(TOP_K_THREADS) top_k_collect(struct top_k top)
{
    __shared__ struct top_k_state state;
    uint32_t segment = blockIdx.y;
    top_k_narrow(&top, segment, top.n_passes, &state);
    uint64_t bound = state.bound;
    if (bound == 0) return;
    for (uint64_t i = blockIdx.x * TOP_K_THREADS + threadIdx.x; i < top.n;
         i += gridDim.x * TOP_K_THREADS) {
        uint64_t key;
        if (!top_k_key(&top, segment, (uint32_t)i, &key) || key >= bound) continue;
        uint32_t at = atomicAdd(&top.n_found[segment], 1u);
        if (at < top.capacity) top.found[(size_t)segment * top.capacity + at] = key;
    }
}

static int bits_of(uint32_t largest)
{
    int bits = 1;
    while (bits < 32 && largest >> bits) bits++;
    return bits;
}

static uint32_t rank_limit(const struct top_k *top)
{
    if (top->order != TOP_K_SCORES) return UINT32_MAX;
    const float one = 1.0f, least = top->threshold > 0.0f ? top->threshold : 0.0f;
    uint32_t one_bits, least_bits;
    memcpy(&one_bits, &one, sizeof one_bits);
    memcpy(&least_bits, &least, sizeof least_bits);
    return least < one ? one_bits - least_bits : 0;
}

// The parts of the scratch; counters come first, which begin at zero.
static size_t top_k_layout(struct top_k *top, char *scratch)
{
    size_t n = top->n_segments, at = 0;
    top->n_found = (uint32_t *)(scratch + at);
    at += cuda_scratch_round(n * sizeof *top->n_found);
    top->histograms = (uint32_t *)(scratch + at);
    at += n * (size_t)top->n_passes * TOP_K_BINS * sizeof *top->histograms;
    top->states = (struct top_k_state *)(scratch + at);
    at += cuda_scratch_round(n * MAX_PASSES * sizeof *top->states);
    top->found = (uint64_t *)(scratch + at);
    return at + cuda_scratch_round(n * top->capacity * sizeof *top->found);
}

size_t top_k_plan(struct top_k *top)
{
    uint32_t keep = top->keep[0];
    if (top->order == TOP_K_DRAW && top->keep[1] > keep) keep = top->keep[1];
    if (keep > top->n) keep = top->n;
    for (top->capacity = MIN_CAPACITY; top->capacity / 2 < keep;) top->capacity *= 2;
    top->index_bits = bits_of(top->n > 0 ? top->n - 1 : 0);
    top->key_bits = top->index_bits + bits_of(rank_limit(top));
    top->n_passes = top->n <= top->capacity ? 0 : (top->key_bits + DIGIT_BITS - 1) / DIGIT_BITS;
    return top_k_layout(top, NULL);
}

static enum status top_k_launch(const struct op_call *call, const struct top_k *top)
{
    enum { PER_THREAD = 16, MAX_BLOCKS = 512 };
    uint32_t n_blocks = (top->n + TOP_K_THREADS * PER_THREAD - 1) / (TOP_K_THREADS * PER_THREAD);
    if (n_blocks < 1) n_blocks = 1;
    if (n_blocks > MAX_BLOCKS) n_blocks = MAX_BLOCKS;
    dim3 grid(n_blocks, top->n_segments);
    for (int pass = 0; pass < top->n_passes; pass++) {
        CUDA_LAUNCH(top_k_count, grid, TOP_K_THREADS, 0, cuda_stream(call), *top, pass);
        TRY(cuda_check(call, "top_k"));
    }
    CUDA_LAUNCH(top_k_collect, grid, TOP_K_THREADS, 0, cuda_stream(call), *top);
    return cuda_check(call, "top_k");
}

enum status top_k_run(const struct op_call *call, struct top_k *top, void *scratch)
{
    (void)top_k_layout(top, (char *)scratch);
    size_t counters = (size_t)((char *)top->states - (char *)scratch);
    TRY(call->backend->zero(call->backend, scratch, counters));
    return top_k_launch(call, top);
}
