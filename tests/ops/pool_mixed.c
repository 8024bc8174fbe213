#include <criterion/criterion.h>
#include <math.h>

#include "backbone/pool/mixed.h"
#include "tests/ops/pool_case.h"

static double reference(const struct pool_window *window, const void *args)
{
    const struct mixed_args *own = (const struct mixed_args *)args;
    double alpha = own->learn_alpha ? window->param[0][0] : own->alpha;
    double largest = window->a[0], sum = 0.0;
    for (int i = 0; i < window->n; i++) {
        largest = fmax(largest, window->a[i]);
        sum += window->a[i];
    }
    return alpha * largest + (1.0 - alpha) * sum / window->n;
}

const struct pool_test pool_test_mixed = {
    .reference = reference,
    .variants = {"param_scope=channel", "learn_alpha=false alpha_init=0.25"}};

Test(pool_mixed, is_a_mean)
{
    pool_expect_mean("mixed", NULL);
}

Test(pool_mixed, streams)
{
    pool_expect_streams("mixed", NULL);
}

Test(pool_mixed, instruction_sets_agree)
{
    pool_expect_levels_agree("mixed", NULL);
    pool_expect_levels_agree("mixed", "param_scope=channel");
}

Test(pool_mixed, limits)
{
    pool_expect_same("mixed", "learn_alpha=false alpha_init=0", "avg", NULL, 1e-6, 1e-6);
    pool_expect_same("mixed", "learn_alpha=false alpha_init=1", "max", NULL, 1e-6, 1e-6);
    pool_expect_same("mixed", "alpha_init=1", "max", NULL, 1e-6, 1e-6);
}

Test(pool_mixed, known_values)
{
    pool_expect_window("mixed", NULL, (const float[]){0.3f, 1.7f, 0.4f, 2.2f}, 1.675,
                       (double[]){.125, .125, .125, .625});
}

Test(pool_mixed, any_finite_input_gives_finite_results)
{
    pool_expect_finite("mixed", NULL);
}
