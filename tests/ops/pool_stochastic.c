#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "backbone/pool/stochastic.h"
#include "base/mem.h"
#include "base/rng.h"
#include "tests/ops/pool_case.h"

// Inverse of the cumulative distribution at the output's own random number.
static double drawn(const struct pool_window *window, uint64_t seed, uint32_t step)
{
    struct rng_block block = rng_philox(seed, RNG_POOL, step, window->output / 4);
    double uniform = (double)(block.v[window->output % 4] >> 8) / 16777216.0, sum = 0.0, part = 0.0;
    for (int i = 0; i < window->n; i++) sum += fmax(window->a[i], 0.0);
    for (int i = 0; i < window->n; i++) {
        part += fmax(window->a[i], 0.0);
        if (part > uniform * sum) return window->a[i];
    }
    return 0.0;
}

static double reference(const struct pool_window *window, const void *args)
{
    const struct stochastic_args *own = (const struct stochastic_args *)args;
    double sum = 0.0, squares = 0.0;
    uint64_t seed = 7 ^ (uint64_t)own->seed << 32;
    if (window->training) return drawn(window, seed, 3);
    if (own->eval == STOCHASTIC_SAMPLE) return drawn(window, seed, 0);
    for (int i = 0; i < window->n; i++) {
        sum += fmax(window->a[i], 0.0);
        squares += fmax(window->a[i], 0.0) * window->a[i];
    }
    return sum > 0.0 ? squares / sum : 0.0;
}

const struct pool_test pool_test_stochastic = {.reference = reference,
                                               .variants = {"training", "training seed=6"},
                                               .draws_elements = true,
                                               .low = -1.0f,
                                               .high = 3.0f,
                                               .tolerance = 2e-5};

Test(pool_stochastic, is_a_mean)
{
    pool_expect_positive_mean("stochastic", NULL);
}

Test(pool_stochastic, streams)
{
    pool_expect_streams("stochastic", NULL);
}

Test(pool_stochastic, instruction_sets_agree)
{
    pool_expect_levels_agree("stochastic", NULL);
    pool_expect_levels_agree("stochastic", "eval=sample");
}

Test(pool_stochastic, known_values)
{
    const float x[4] = {0.3f, 1.7f, 0.4f, 2.2f};
    double dx[4];
    for (int i = 0; i < 4; i++) dx[i] = (2.0 * (double)x[i] - 1.73478261) / 4.6;
    pool_expect_window("stochastic", NULL, x, 1.73478261, dx);
    const double none[4] = {0};
    pool_expect_window("stochastic", NULL, (const float[]){0, 0, 0, 0}, 0.0, none);
    pool_expect_window("stochastic", NULL, (const float[]){-1, -2, 0, -3}, 0.0, none);
}

Test(pool_stochastic, any_finite_input_gives_finite_results)
{
    pool_expect_finite("stochastic", NULL);
    pool_expect_finite("stochastic", "eval=sample");
}

enum { H = 40, W = 40, C = 21, N_X = H * W * C, N_Y = N_X / 4 };

static void draw(struct pool_layer *layer, const float *x, const float *dy, int64_t seed,
                 uint32_t step, int n_threads)
{
    *layer = (struct pool_layer){.name = "stochastic",
                                 .window = window_square(2, 2, 0),
                                 .shape = {1, H, W, C},
                                 .x = x,
                                 .dy = dy,
                                 .training = true,
                                 .seed = seed,
                                 .step = step,
                                 .n_threads = n_threads};
    pool_layer_run(layer);
}

static int n_different(const struct pool_layer *a, const struct pool_layer *b)
{
    int n = 0;
    for (int i = 0; i < N_Y; i++) n += a->y[i] != b->y[i];
    return n;
}

// Of windows 1, 2, 3, 4: the share of each value is its probability, a tenth to four tenths; seed
// and step change the draw, threads do not; the gradient goes where the value came from.
Test(pool_stochastic, draws)
{
    float *x = (float *)mem_alloc(N_X, sizeof *x), *dy = (float *)mem_alloc(N_Y, sizeof *dy);
    int counts[5] = {0};
    struct pool_layer first, again, other_step, other_seed;
    for (int i = 0; i < N_X; i++)
        x[i] = (float)(1 + 2 * (i / C / W % 2) + i / C % 2); // rows 1 2 and 3 4
    for (int i = 0; i < N_Y; i++) dy[i] = 1.0f;
    draw(&first, x, dy, 1, 8, 1);
    draw(&again, x, dy, 1, 8, 3);
    draw(&other_step, x, dy, 1, 9, 0);
    draw(&other_seed, x, dy, 2, 8, 0);
    cr_expect_eq(memcmp(first.y, again.y, N_Y * sizeof(float)), 0);
    cr_expect_eq(memcmp(first.dx, again.dx, N_X * sizeof(float)), 0);
    cr_expect(n_different(&first, &other_step) > N_Y / 2);
    cr_expect(n_different(&first, &other_seed) > N_Y / 2);
    for (int i = 0; i < N_Y; i++) counts[(int)first.y[i]]++;
    for (int k = 1; k <= 4; k++) {
        double p = 0.1 * k, deviation = sqrt(p * (1.0 - p) / N_Y);
        cr_expect_float_eq(counts[k] / (double)N_Y, p, 4.5 * deviation, "%d: %d of %d", k,
                           counts[k], N_Y);
    }
    double sum = 0.0, taken = 0.0;
    for (int i = 0; i < N_Y; i++) sum += (double)first.y[i];
    for (int i = 0; i < N_X; i++) taken += (double)(first.dx[i] * x[i]);
    cr_expect_float_eq(sum, taken, 1e-3);
    pool_layer_free(&first);
    pool_layer_free(&again);
    pool_layer_free(&other_step);
    pool_layer_free(&other_seed);
    mem_free(x);
    mem_free(dy);
}
