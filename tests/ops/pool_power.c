#include <criterion/criterion.h>
#include <math.h>

#include "backbone/pool/lp.h"
#include "tests/ops/pool_case.h"

static double reference(const struct pool_window *window, const void *args)
{
    double p = ((const struct lp_args *)args)->p, sum = 0.0;
    for (int i = 0; i < window->n; i++) sum += pow(fabs(window->a[i]), p);
    return pow(sum, 1.0 / p);
}

const struct pool_test pool_test_power = {
    .reference = reference, .variants = {"p=1", "p=3.5"}, .tolerance = 2e-5};

Test(pool_power, streams)
{
    pool_expect_streams("power", NULL);
}

Test(pool_power, instruction_sets_agree)
{
    pool_expect_levels_agree("power", "p=3");
}

Test(pool_power, known_values)
{
    const float x[4] = {0.3f, 1.7f, 0.4f, 2.2f};
    pool_expect_window("power", "p=3", x, 2.50143917, NULL);
    pool_expect_window("power", "p=1", x, 4.6, (double[]){1, 1, 1, 1});
    pool_expect_window("power", "p=100", x, 2.2, (double[]){0, 0, 0, 1});
}

// Sums of the largest floats end there.
Test(pool_power, any_finite_input_gives_finite_results)
{
    pool_expect_finite("power", NULL);
    pool_expect_finite("power", "p=1");
    pool_expect_window("power", "p=1", (const float[]){3e38f, 3e38f, 1, 1}, 3.40282347e38, NULL);
}
