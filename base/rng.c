#include "base/rng.h"

#include <math.h>

void rng_start(struct rng *rng, uint64_t seed, uint32_t stream, uint32_t step)
{
    *rng = (struct rng){.seed = seed, .stream = stream, .step = step};
}

uint32_t rng_u32(struct rng *rng)
{
    if (rng->left == 0) {
        rng->block = rng_philox(rng->seed, rng->stream, rng->step, rng->element++);
        rng->left = 4;
    }
    return rng->block.v[4 - rng->left--];
}

uint32_t rng_below(struct rng *rng, uint32_t bound)
{
    // Values under 2^32 mod bound would favour small results: draw again.
    uint32_t reject = (0u - bound) % bound;
    for (;;) {
        uint32_t value = rng_u32(rng);
        if (value >= reject) return value % bound;
    }
}

double rng_double(struct rng *rng)
{
    uint64_t high = rng_u32(rng) >> 5, low = rng_u32(rng) >> 6;
    return (double)(high << 26 | low) * (1.0 / 9007199254740992.0);
}

float rng_uniform(struct rng *rng, float low, float high)
{
    return low + (high - low) * rng_to_uniform(rng_u32(rng));
}

float rng_normal(struct rng *rng)
{
    double u = 1.0 - rng_double(rng), v = rng_double(rng); // u in (0, 1]
    return (float)(sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v));
}
