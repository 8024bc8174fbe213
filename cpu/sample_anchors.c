#include <omp.h>
#include <string.h>

#include "base/rng.h"
#include "cpu/kernels.h"
#include "cpu/smallest.h"

// A uniform draw without replacement takes those with the smallest random keys: each anchor's key
// depends on nothing but its index, so threads may look at any of them in any order.
struct draw {
    struct smallest positive, negative;
};

static struct draw draw_of(const struct sample_anchors_args *args, uint64_t *memory)
{
    size_t n = (size_t)args->n_samples;
    size_t n_positive = (size_t)((double)args->n_samples * (double)args->positive_fraction);
    struct draw draw = {smallest_of(n_positive, memory), smallest_of(n, memory + 2 * n_positive)};
    return draw;
}

static void look(struct draw *draw, const struct op_call *call, int64_t image, int64_t begin,
                 int64_t end)
{
    int64_t n_anchors = call->in[0]->shape[1];
    const int32_t *matched = (const int32_t *)call->in[0]->data + image * n_anchors;
    for (int64_t i = begin; i < end; i++) {
        if (matched[i] != MATCH_NONE && matched[i] < 0) continue;
        struct rng_block block = rng_philox(call->seed, RNG_ANCHOR_SAMPLES, call->step,
                                            (uint64_t)(image * n_anchors + i));
        uint64_t key = (uint64_t)block.v[0] << 32 | (uint64_t)i;
        smallest_add(matched[i] >= 0 ? &draw->positive : &draw->negative, key);
    }
}

static void mark(const struct smallest *s, size_t n, uint8_t value, uint8_t *sampled)
{
    for (size_t i = 0; i < n && i < s->n; i++) sampled[s->keys[i] & UINT32_MAX] = value;
}

static enum status draw_images(const struct op_call *call, uint8_t *sampled)
{
    const struct sample_anchors_args *args = call->args;
    int64_t n_images = call->in[0]->shape[0], n_anchors = call->in[0]->shape[1];
    size_t n_samples = (size_t)args->n_samples;
    size_t draw_keys = 4 * n_samples; // of positives and negatives
    int n_threads = omp_get_max_threads();
    void *scratch = NULL;
    TRY(call->backend->scratch(call->backend,
                               (size_t)(n_threads + 1) * draw_keys * sizeof(uint64_t), &scratch));
    uint64_t *keys = scratch;
    memset(sampled, SAMPLE_NONE, (size_t)(n_images * n_anchors));
    for (int64_t image = 0; image < n_images; image++, sampled += n_anchors) {
        struct draw draw = draw_of(args, keys);
#pragma omp parallel num_threads(n_threads)
        {
            int64_t t = omp_get_thread_num(), of = omp_get_num_threads();
            struct draw own = draw_of(args, keys + (size_t)(t + 1) * draw_keys);
            look(&own, call, image, n_anchors * t / of, n_anchors * (t + 1) / of);
#pragma omp critical(sample_anchors_merge)
            {
                smallest_merge(&draw.positive, &own.positive);
                smallest_merge(&draw.negative, &own.negative);
            }
        }
        smallest_shrink(&draw.positive);
        smallest_sort(&draw.negative);
        mark(&draw.positive, draw.positive.n, SAMPLE_POSITIVE, sampled);
        mark(&draw.negative, n_samples - draw.positive.n, SAMPLE_NEGATIVE, sampled);
    }
    return OK;
}

enum status cpu_sample_anchors_forward(const struct op_call *call)
{
    const struct tensor *given = call->in[1];
    uint8_t *sampled = call->out[0]->data;
    size_t n = tensor_count(call->out[0]);
    if (given)
        memcpy(sampled, given->data, n);
    else
        TRY(draw_images(call, sampled));
    int32_t n_sampled = 0;
    for (size_t i = 0; i < n; i++) n_sampled += sampled[i] != SAMPLE_NONE;
    *(int32_t *)call->out[1]->data = n_sampled;
    return OK;
}
