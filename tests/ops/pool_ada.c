#include <criterion/criterion.h>
#include <math.h>

#include "backbone/pool/ada.h"
#include "tests/ops/pool_case.h"

static double weighted(const struct pool_window *window, bool is_dice, double mean)
{
    double sum = 0.0, total = 0.0;
    for (int i = 0; i < window->n; i++) {
        double a = window->a[i], squares = a * a + mean * mean;
        double w = exp(!is_dice ? a : squares > 0.0 ? 2.0 * fabs(a * mean) / squares : 0.0);
        sum += w;
        total += w * a;
    }
    return total / sum;
}

static double reference(const struct pool_window *window, const void *args)
{
    const struct ada_args *own = (const struct ada_args *)args;
    double beta = own->learn_beta ? window->param[0][0] : own->beta, mean = 0.0;
    for (int i = 0; i < window->n; i++) mean += window->a[i] / window->n;
    return beta * weighted(window, true, mean) + (1.0 - beta) * weighted(window, false, mean);
}

const struct pool_test pool_test_ada = {
    .reference = reference,
    .variants = {"param_scope=channel", "learn_beta=false beta_init=1",
                 "learn_beta=false beta_init=0"},
    .tolerance = 3e-5};

Test(pool_ada, is_a_mean)
{
    pool_expect_mean("ada", NULL);
    pool_expect_mean("ada", "beta_init=1");
}

Test(pool_ada, streams)
{
    pool_expect_streams("ada", NULL);
}

Test(pool_ada, instruction_sets_agree)
{
    pool_expect_levels_agree("ada", NULL);
    pool_expect_levels_agree("ada", "grad=detached param_scope=channel");
}

Test(pool_ada, known_values)
{
    const float x[4] = {0.3f, 1.7f, 0.4f, 2.2f};
    pool_expect_window("ada", "beta_init=1", x, 1.270312, NULL);
    pool_expect_window("ada", "beta_init=0", x, 1.739406, NULL);
    pool_expect_window("ada", NULL, x, 1.504859, NULL);
}

Test(pool_ada, limits)
{
    pool_expect_same("ada", "beta_init=0", "soft", NULL, 1e-6, 2e-6);
    pool_expect_same("ada", "beta_init=0 grad=detached", "soft", "grad=detached", 1e-6, 2e-6);
    // A window of zeros and one constant: all weights alike.
    pool_expect_window("ada", "beta_init=1", (const float[]){0, 0, 0, 0}, 0.0,
                       (const double[]){.25, .25, .25, .25});
    pool_expect_window("ada", "beta_init=1", (const float[]){2, 2, 2, 2}, 2.0,
                       (const double[]){.25, .25, .25, .25});
}

// The weights of both parts, and nothing else.
Test(pool_ada, detached_gradient_is_the_weights)
{
    const float x[4] = {0.3f, 1.7f, 0.4f, 2.2f};
    double mean = 1.15, e[4], sum = 0.0;
    for (int i = 0; i < 4; i++) {
        double a = (double)x[i];
        sum += e[i] = exp(2.0 * a * mean / (a * a + mean * mean));
    }
    for (int i = 0; i < 4; i++) e[i] /= sum;
    pool_expect_window("ada", "beta_init=1 grad=detached", x, 1.270312, e);
}

Test(pool_ada, any_finite_input_gives_finite_results)
{
    pool_expect_finite("ada", NULL);
    pool_expect_finite("ada", "beta_init=1");
}
