#include <criterion/criterion.h>

#include "backbone/pool/avg.h"
#include "tests/ops/pool_case.h"

static double reference(const struct pool_window *window, const void *args)
{
    const struct avg_args *own = (const struct avg_args *)args;
    double sum = 0.0;
    for (int i = 0; i < window->n; i++) sum += window->a[i];
    return sum / (own->count_include_pad ? window->n_with_padding : window->n);
}

const struct pool_test pool_test_avg = {
    .reference = reference, .variants = {"count_include_pad=true"}, .is_linear = true};

Test(pool_avg, is_a_mean)
{
    pool_expect_mean("avg", NULL);
}

Test(pool_avg, streams)
{
    pool_expect_streams("avg", NULL);
}

Test(pool_avg, instruction_sets_agree)
{
    pool_expect_levels_agree("avg", "count_include_pad=true");
}

Test(pool_avg, padding_counts_when_asked)
{
    const float x[4] = {1, 2, 3, 6};
    struct pool_layer layer = {
        .name = "avg", .window = window_square(3, 2, 1), .shape = {1, 2, 2, 1}, .x = x};
    pool_layer_run(&layer);
    cr_expect_float_eq(layer.y[0], 3.0f, 1e-6f);
    pool_layer_free(&layer);
    layer.settings = "count_include_pad=true";
    pool_layer_run(&layer);
    cr_expect_float_eq(layer.y[0], 12.0f / 9.0f, 1e-6f);
    pool_layer_free(&layer);
}
