// Random numbers of a pooling layer: Philox keyed by the run's seed and the layer's own, in the
// stream of the layer, at the training step. They do not depend on threads, and a resumed run draws
// what it would have drawn. Inference always draws those of step 0, so that an image gives the same
// result whenever it is evaluated.
#ifndef TARN_NN_POOL_RANDOM_H
#define TARN_NN_POOL_RANDOM_H

#include "base/rng.h"
#include "nn/ops.h"

struct pool_random {
    uint64_t seed;
    uint32_t stream, step;
};

static inline struct pool_random pool_random_of(const struct op_call *call, int64_t own_seed)
{
    const struct pool_op_args *args = (const struct pool_op_args *)call->args;
    struct pool_random random;
    random.seed = call->seed ^ (uint64_t)own_seed << 32;
    random.stream = RNG_POOL + (uint32_t)args->site;
    random.step = call->training ? call->step : 0;
    return random;
}

// A uniform number in [0, 1) for each element: of a block of Philox, one of four neighbours takes
// one value.
BOTH_INLINE float pool_random_uniform(struct pool_random random, uint64_t element)
{
    struct rng_block block = rng_philox(random.seed, random.stream, random.step, element / 4);
    return rng_to_uniform(block.v[element % 4]);
}

#endif
