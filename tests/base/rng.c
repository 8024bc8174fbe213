#include "base/rng.h"

#include <criterion/criterion.h>
#include <math.h>

// Known answers of Philox4x32-10 from the authors' Random123 distribution.
Test(rng, philox_known_answers)
{
    struct rng_block zero = rng_philox(0, 0, 0, 0);
    cr_expect_eq(zero.v[0], 0x6627e8d5u);
    cr_expect_eq(zero.v[1], 0xe169c58du);
    cr_expect_eq(zero.v[2], 0xbc57ac4cu);
    cr_expect_eq(zero.v[3], 0x9b00dbd8u);
    struct rng_block ones = rng_philox(UINT64_MAX, UINT32_MAX, UINT32_MAX, UINT64_MAX);
    cr_expect_eq(ones.v[0], 0x408f276du);
    cr_expect_eq(ones.v[1], 0x41c83b0eu);
    cr_expect_eq(ones.v[2], 0xa20bc7c6u);
    cr_expect_eq(ones.v[3], 0x6d5451fdu);
    // counter 243f6a88 85a308d3 13198a2e 03707344, key a4093822 299f31d0
    struct rng_block pi =
        rng_philox(0x299f31d0a4093822u, 0x03707344u, 0x13198a2eu, 0x85a308d3243f6a88u);
    cr_expect_eq(pi.v[0], 0xd16cfe09u);
    cr_expect_eq(pi.v[1], 0x94fdccebu);
    cr_expect_eq(pi.v[2], 0x5001e420u);
    cr_expect_eq(pi.v[3], 0x24126ea1u);
}

Test(rng, reader_walks_the_elements)
{
    struct rng rng;
    rng_start(&rng, 7, RNG_TEST, 3);
    for (uint64_t element = 0; element < 5; element++) {
        struct rng_block block = rng_philox(7, RNG_TEST, 3, element);
        for (int i = 0; i < 4; i++) cr_expect_eq(rng_u32(&rng), block.v[i]);
    }
}

Test(rng, below_is_bounded_and_even)
{
    struct rng rng;
    int counts[7] = {0};
    rng_start(&rng, 1, RNG_TEST, 0);
    for (int i = 0; i < 70000; i++) {
        uint32_t value = rng_below(&rng, 7);
        cr_assert_lt(value, 7u);
        counts[value]++;
    }
    for (int i = 0; i < 7; i++) cr_expect(abs(counts[i] - 10000) < 400, "%d: %d", i, counts[i]);
    for (int i = 0; i < 100; i++) cr_expect_eq(rng_below(&rng, 1), 0u);
}

Test(rng, uniform_and_normal_have_their_moments)
{
    struct rng rng;
    rng_start(&rng, 2, RNG_TEST, 0);
    double sum = 0, squares = 0, normal = 0, normal_squares = 0;
    enum { N = 100000 };
    for (int i = 0; i < N; i++) {
        double u = (double)rng_uniform(&rng, -1.0f, 3.0f), v = (double)rng_normal(&rng);
        cr_assert(u >= -1.0 && u < 3.0);
        sum += u;
        squares += (u - 1) * (u - 1);
        normal += v;
        normal_squares += v * v;
    }
    cr_expect_float_eq(sum / N, 1.0, 0.02);
    cr_expect_float_eq(squares / N, 4.0 / 3.0, 0.02);
    cr_expect_float_eq(normal / N, 0.0, 0.02);
    cr_expect_float_eq(normal_squares / N, 1.0, 0.02);
}

Test(rng, double_stays_below_one)
{
    struct rng rng;
    rng_start(&rng, 3, RNG_TEST, 0);
    for (int i = 0; i < 10000; i++) {
        double value = rng_double(&rng);
        cr_assert(value >= 0.0 && value < 1.0);
    }
    cr_expect_lt(rng_to_uniform(UINT32_MAX), 1.0f);
}
