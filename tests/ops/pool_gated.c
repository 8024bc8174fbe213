#include <criterion/criterion.h>
#include <math.h>

#include "tests/ops/pool_case.h"

static double reference(const struct pool_window *window, const void *args)
{
    (void)args;
    double largest = window->a[0], sum = 0.0, z = 0.0;
    for (int i = 0; i < window->n; i++) {
        largest = fmax(largest, window->a[i]);
        sum += window->a[i];
        z += window->param[0][window->place[i]] * window->a[i];
    }
    double alpha = 1.0 / (1.0 + exp(-z));
    return alpha * largest + (1.0 - alpha) * sum / window->n;
}

const struct pool_test pool_test_gated = {
    .reference = reference, .needs_kernel = true, .params = {{-0.4f, 0.4f}}, .tolerance = 2e-5};

Test(pool_gated, is_a_mean)
{
    pool_expect_mean("gated", NULL);
}

Test(pool_gated, streams)
{
    pool_expect_streams("gated", NULL);
}

Test(pool_gated, instruction_sets_agree)
{
    pool_expect_levels_agree("gated", NULL);
}

Test(pool_gated, known_values)
{
    const float x[4] = {0.3f, 1.7f, 0.4f, 2.2f}, mask[4] = {0.1f, -0.2f, 0.3f, 0.05f}, dy = 1.0f;
    struct pool_layer layer = {.name = "gated",
                               .window = window_square(2, 2, 0),
                               .shape = {1, 2, 2, 1},
                               .x = x,
                               .dy = &dy,
                               .params = {mask}};
    pool_layer_run(&layer);
    double alpha = 0.48001066, slope = alpha * (1.0 - alpha) * (2.2 - 1.15);
    cr_expect_float_eq((double)layer.y[0], 1.65401119, 1e-6);
    for (int i = 0; i < 4; i++) {
        double dx = slope * (double)mask[i] + (1.0 - alpha) / 4.0 + (i == 3 ? alpha : 0.0);
        cr_expect_float_eq((double)layer.dx[i], dx, 1e-6);
        cr_expect_float_eq((double)layer.dparams[0][i], slope * (double)x[i], 1e-6);
    }
    pool_layer_free(&layer);
}

// Without a mask both get the same share.
Test(pool_gated, limits)
{
    pool_expect_same("gated", "mask_std=0", "mixed", "learn_alpha=false alpha_init=0.5", 1e-6,
                     1e-6);
}

Test(pool_gated, any_finite_input_gives_finite_results)
{
    pool_expect_finite("gated", NULL);
    pool_expect_finite("gated", "mask_std=10");
}

Test(pool_gated, whole_map_is_refused)
{
    cr_expect_eq(pool_layer_check("gated", NULL, window_square(0, 1, 0)), ERR_USAGE);
    cr_expect_eq(pool_layer_check("gated", NULL, window_square(3, 2, 1)), OK);
}
