// Counter-based random numbers: Philox4x32-10 (Salmon et al., SC 2011).
// value = f(seed, stream, step, element): no state, so the same numbers come out on every
// backend, for any number of threads, and after a resume. Valid as C17 and CUDA C++.
#ifndef TARN_BASE_RNG_H
#define TARN_BASE_RNG_H

#include <stdint.h>

#include "base/both.h"

// Streams keep unrelated uses apart. Layers add their index: RNG_POOL + site.
enum rng_stream {
    RNG_INIT = 1,     // parameter initialisation; step = parameter index
    RNG_SHUFFLE = 2,  // order of images; step = epoch
    RNG_AUGMENT = 3,  // step = iteration, element = image slot
    RNG_SYNTH = 4,    // synthetic data sets; step = image
    RNG_TEST = 5,
    RNG_BOOTSTRAP = 6, // resampling of images; step = resample
    RNG_ANCHOR_SAMPLES = 7, // step = training step, element = image * anchors + anchor
    RNG_ROI_SAMPLES = 8,    // the same with candidates
    RNG_POOL = 256,
};

struct rng_block {
    uint32_t v[4];
};

BOTH_INLINE struct rng_block rng_philox(uint64_t seed, uint32_t stream, uint32_t step,
                                        uint64_t element)
{
    uint32_t c0 = (uint32_t)element, c1 = (uint32_t)(element >> 32), c2 = step, c3 = stream;
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    struct rng_block block;
    block.v[0] = c0;
    block.v[1] = c1;
    block.v[2] = c2;
    block.v[3] = c3;
    return block;
}

// Uniform in [0, 1), 24 bits.
BOTH_INLINE float rng_to_uniform(uint32_t bits)
{
    return (float)(bits >> 8) * (1.0f / 16777216.0f);
}

#ifdef __cplusplus
extern "C" {
#endif

// A sequential reader of one (seed, stream, step), for host code that draws one after another.
struct rng {
    uint64_t seed;
    uint32_t stream, step;
    uint64_t element;
    struct rng_block block;
    int left; // unread values of the block
};

void rng_start(struct rng *rng, uint64_t seed, uint32_t stream, uint32_t step);
uint32_t rng_u32(struct rng *rng);
uint32_t rng_below(struct rng *rng, uint32_t bound);      // unbiased, bound > 0
double rng_double(struct rng *rng);                       // [0, 1), 53 bits
float rng_uniform(struct rng *rng, float low, float high); // [low, high)
float rng_normal(struct rng *rng);                        // mean 0, deviation 1 (Box-Muller)

#ifdef __cplusplus
}
#endif
#endif
