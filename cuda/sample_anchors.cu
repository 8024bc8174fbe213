#include "base/rng.h"
#include "cuda/block.h"
#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "cuda/top_k.h"

enum { SAMPLE_THREADS = 512 };

// One block an image: the positives with the smallest keys, then negatives for the rest.
static __global__ void __launch_bounds__(SAMPLE_THREADS)
    sample_anchors_mark(struct top_k top, uint8_t *sampled, int32_t *n_sampled)
{
    CUDA_DYNAMIC_SHARED(uint64_t, shared);
    uint8_t *row = sampled + (size_t)blockIdx.x * top.n;
    uint32_t drawn = 0;
    for (uint32_t group = 0; group < 2; group++) {
        uint32_t n;
        const uint64_t *keys = top_k_sorted(&top, 2 * blockIdx.x + group, shared, &n);
        if (drawn + n > top.keep[1]) n = top.keep[1] - drawn;
        for (uint32_t i = threadIdx.x; i < n; i += SAMPLE_THREADS)
            row[top_k_index(&top, keys[i])] = group == 0 ? SAMPLE_POSITIVE : SAMPLE_NEGATIVE;
        drawn += n;
        __syncthreads();
    }
    if (threadIdx.x == 0) atomicAdd(n_sampled, (int32_t)drawn);
}

static __global__ void __launch_bounds__(CUDA_BLOCK)
    sample_anchors_copy(const uint8_t *given, uint8_t *sampled, int32_t *n_sampled, size_t n)
{
    size_t i = (size_t)blockIdx.x * CUDA_BLOCK + threadIdx.x;
    uint32_t total;
    uint8_t sample = i < n ? given[i] : (uint8_t)SAMPLE_NONE;
    if (i < n) sampled[i] = sample;
    (void)block_rank(sample != SAMPLE_NONE, &total);
    if (threadIdx.x == 0 && total) atomicAdd(n_sampled, (int32_t)total);
}

static enum status sample_anchors_draw(const struct op_call *call)
{
    const struct sample_anchors_args *args = (const struct sample_anchors_args *)call->args;
    struct top_k top = {};
    top.order = TOP_K_DRAW;
    top.values = call->in[0]->data;
    top.n = (uint32_t)call->in[0]->shape[1];
    top.n_segments = 2 * (uint32_t)call->in[0]->shape[0];
    top.keep[0] = (uint32_t)((double)args->n_samples * (double)args->positive_fraction);
    top.keep[1] = (uint32_t)args->n_samples;
    top.seed = call->seed;
    top.stream = RNG_ANCHOR_SAMPLES;
    top.step = call->step;
    void *scratch = NULL;
    TRY(call->backend->scratch(call->backend, top_k_plan(&top), &scratch));
    TRY(top_k_run(call, &top, scratch));
    TRY(call->backend->zero(call->backend, call->out[0]->data, tensor_bytes(call->out[0])));
    CUDA_LAUNCH(sample_anchors_mark, top.n_segments / 2, SAMPLE_THREADS, top_k_shared_bytes(&top),
                cuda_stream(call), top, (uint8_t *)call->out[0]->data,
                (int32_t *)call->out[1]->data);
    return cuda_check(call, "sample_anchors");
}

enum status cuda_sample_anchors_forward(const struct op_call *call)
{
    const struct tensor *given = call->in[1];
    size_t n = tensor_count(call->out[0]);
    int32_t *n_sampled = (int32_t *)call->out[1]->data;
    TRY(call->backend->zero(call->backend, n_sampled, sizeof *n_sampled));
    if (n == 0) return OK;
    if (!given) return sample_anchors_draw(call);
    unsigned blocks = (unsigned)((n + CUDA_BLOCK - 1) / CUDA_BLOCK);
    CUDA_LAUNCH(sample_anchors_copy, blocks, CUDA_BLOCK, 0, cuda_stream(call),
                (const uint8_t *)given->data, (uint8_t *)call->out[0]->data, n_sampled, n);
    return cuda_check(call, "sample_anchors");
}
