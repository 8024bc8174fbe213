#include <criterion/criterion.h>
#include <math.h>

#include "backbone/pool/ordinal.h"
#include "tests/ops/pool_case.h"

static double reference(const struct pool_window *window, const void *args)
{
    const struct ordinal_args *own = (const struct ordinal_args *)args;
    double sorted[256], sum = 0.0, weighted = 0.0;
    cr_assert(window->n <= 256);
    for (int i = 0; i < window->n; i++) {
        int at = i;
        for (; at > 0 && sorted[at - 1] < window->a[i]; at--) sorted[at] = sorted[at - 1];
        sorted[at] = window->a[i];
    }
    for (int r = 0; r < window->n; r++) {
        double w = window->param[0][r];
        if (own->constraint == ORDINAL_SOFTMAX) w = exp(w);
        sum += w;
        weighted += w * sorted[r];
    }
    return weighted / sum;
}

const struct pool_test pool_test_ordinal = {.reference = reference,
                                            .variants = {"param_scope=layer", "constraint=softmax",
                                                         "param_scope=layer constraint=softmax"},
                                            .needs_kernel = true};

Test(pool_ordinal, is_a_mean)
{
    pool_expect_mean("ordinal", NULL);
    pool_expect_mean("ordinal", "constraint=softmax");
    pool_expect_mean("ordinal", "init=max");
}

Test(pool_ordinal, streams)
{
    pool_expect_streams("ordinal", NULL);
}

Test(pool_ordinal, instruction_sets_agree)
{
    pool_expect_levels_agree("ordinal", NULL);
    pool_expect_levels_agree("ordinal", "constraint=softmax param_scope=layer");
}

Test(pool_ordinal, limits)
{
    pool_expect_same("ordinal", "init=avg", "avg", NULL, 1e-6, 1e-6);
    pool_expect_same("ordinal", "init=max", "max", NULL, 1e-6, 1e-6);
    pool_expect_same("ordinal", "init=avg constraint=softmax", "avg", NULL, 1e-6, 1e-6);
    pool_expect_same("ordinal", "init=max constraint=softmax", "max", NULL, 1e-3, 0);
}

static void run(struct pool_layer *layer, const float weights[4])
{
    static const float x[4] = {0.3f, 1.7f, 0.4f, 2.2f}, dy = 1.0f;
    *layer = (struct pool_layer){.name = "ordinal",
                                 .window = window_square(2, 2, 0),
                                 .shape = {1, 2, 2, 1},
                                 .x = x,
                                 .dy = &dy,
                                 .params = {weights}};
    pool_layer_run(layer);
}

Test(pool_ordinal, known_values)
{
    // The largest is the last element, the smallest the first.
    const float weights[4] = {0.4f, 0.3f, 0.2f, 0.1f};
    const double y = 0.4 * 2.2 + 0.3 * 1.7 + 0.2 * 0.4 + 0.1 * 0.3;
    const double dx[4] = {0.1, 0.3, 0.2, 0.4}, dw[4] = {2.2 - y, 1.7 - y, 0.4 - y, 0.3 - y};
    struct pool_layer layer;
    run(&layer, weights);
    cr_expect_float_eq((double)layer.y[0], y, 1e-6);
    for (int i = 0; i < 4; i++) {
        cr_expect_float_eq((double)layer.dx[i], dx[i], 1e-6);
        cr_expect_float_eq((double)layer.dparams[0][i], dw[i], 1e-6);
    }
    pool_layer_free(&layer);
}

// Negative weights count as 0 and have no gradient; without any the window is averaged.
Test(pool_ordinal, negative_weights_count_as_none)
{
    struct pool_layer layer;
    run(&layer, (const float[]){-0.5f, 1.0f, -0.1f, 0.0f});
    cr_expect_float_eq(layer.y[0], 1.7f, 1e-6f);
    cr_expect_eq(layer.dparams[0][0], 0.0f);
    cr_expect_eq(layer.dparams[0][2], 0.0f);
    cr_expect_float_eq(layer.dparams[0][3], -1.4f, 1e-6f);
    pool_layer_free(&layer);
    run(&layer, (const float[]){-0.5f, 0.0f, -0.1f, 0.0f});
    cr_expect_float_eq(layer.y[0], 1.15f, 1e-6f);
    for (int i = 0; i < 4; i++) cr_expect_float_eq(layer.dx[i], 0.25f, 1e-6f);
    pool_layer_free(&layer);
}

Test(pool_ordinal, any_finite_input_gives_finite_results)
{
    pool_expect_finite("ordinal", NULL);
}

Test(pool_ordinal, whole_map_is_refused)
{
    cr_expect_eq(pool_layer_check("ordinal", NULL, window_square(0, 1, 0)), ERR_USAGE);
    cr_expect_eq(pool_layer_check("ordinal", NULL, window_square(17, 2, 0)), ERR_USAGE);
    cr_expect_eq(pool_layer_check("ordinal", NULL, window_square(16, 2, 0)), OK);
}
