#include <criterion/criterion.h>
#include <math.h>

#include "backbone/pool/lp.h"
#include "base/field.h"
#include "tests/ops/pool_case.h"

static double reference(const struct pool_window *window, const void *args)
{
    const struct lp_args *own = (const struct lp_args *)args;
    double p = own->learn_p ? 1.0 + log(1.0 + exp(window->param[0][0])) : own->p, sum = 0.0;
    for (int i = 0; i < window->n; i++) sum += pow(fabs(window->a[i]), p);
    return pow(own->normalize ? sum / window->n : sum, 1.0 / p);
}

const struct pool_test pool_test_lp = {
    .reference = reference,
    .variants = {"param_scope=layer", "learn_p=false p_init=2", "learn_p=false p_init=1",
                 "normalize=false", "learn_p=false p_init=7.5"},
    .params = {{0.5f, 2.0f}},
    .tolerance = 2e-5};

Test(pool_lp, is_a_mean)
{
    pool_expect_positive_mean("lp", NULL);
    pool_expect_positive_mean("lp", "learn_p=false p_init=1");
}

Test(pool_lp, streams)
{
    pool_expect_streams("lp", NULL);
}

Test(pool_lp, instruction_sets_agree)
{
    pool_expect_levels_agree("lp", NULL);
    pool_expect_levels_agree("lp", "param_scope=layer");
}

Test(pool_lp, known_values)
{
    const float x[4] = {0.3f, 1.7f, 0.4f, 2.2f};
    pool_expect_window("lp", NULL, x, 1.57580793, NULL);
    pool_expect_window("lp", "normalize=false", x, 2.50143917, NULL);
}

Test(pool_lp, any_finite_input_gives_finite_results)
{
    pool_expect_finite("lp", NULL);
    pool_expect_finite("lp", "p_init=1.001");
    pool_expect_finite("lp", "learn_p=false p_init=100");
    pool_expect_finite("lp", "normalize=false");
}

// max <= n^(1/p) y, the norms grow with p, and p = 1 is the average of sizes.
Test(pool_lp, limits)
{
    const float x[4] = {0.3f, 1.7f, 0.4f, 2.2f};
    pool_expect_window("lp", "learn_p=false p_init=1", x, 1.15, (double[]){.25, .25, .25, .25});
    double last = 1.15;
    for (int p = 2; p <= 64; p *= 2) {
        char settings[64];
        double sum = 0.0;
        for (int i = 0; i < 4; i++) sum += pow((double)x[i], p);
        snprintf(settings, sizeof settings, "learn_p=false p_init=%d", p);
        double y = pow(sum / 4.0, 1.0 / p);
        pool_expect_window("lp", settings, x, y, NULL);
        cr_expect(y > last && y < 2.2);
        last = y;
    }
    cr_expect(2.2 - last < 0.05);
}

// At p = 16 and above a learned p stays where it is.
Test(pool_lp, learned_power_ends_at_16)
{
    const float x[4] = {0.3f, 1.7f, 0.4f, 2.2f}, dy = 1.0f, rho = 20.0f;
    struct pool_layer layer = {.name = "lp",
                               .window = window_square(2, 2, 0),
                               .shape = {1, 2, 2, 1},
                               .x = x,
                               .dy = &dy,
                               .params = {&rho}};
    pool_layer_run(&layer);
    double sum = 0.0;
    for (int i = 0; i < 4; i++) sum += pow((double)x[i], 16.0);
    cr_expect_float_eq((double)layer.y[0], pow(sum / 4.0, 1.0 / 16.0), 3e-6);
    cr_expect_eq(layer.dparams[0][0], 0.0f);
    pool_layer_free(&layer);
    cr_expect_eq(pool_layer_check("lp", "p_init=1", window_square(2, 2, 0)), ERR_USAGE);
    cr_expect_eq(pool_layer_check("lp", "p_init=20", window_square(2, 2, 0)), ERR_USAGE);
    cr_expect_eq(pool_layer_check("lp", "p_init=1 learn_p=false", window_square(2, 2, 0)), OK);
}
