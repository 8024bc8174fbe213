#include <criterion/criterion.h>

#include "tests/ops/pool_case.h"

static double reference(const struct pool_window *window, const void *args)
{
    (void)args;
    double sum = 0.0;
    for (int i = 0; i < window->n; i++) sum += window->a[i];
    return sum;
}

const struct pool_test pool_test_sum = {.reference = reference, .is_linear = true};

Test(pool_sum, streams)
{
    pool_expect_streams("sum", NULL);
}

Test(pool_sum, instruction_sets_agree)
{
    pool_expect_levels_agree("sum", NULL);
}

Test(pool_sum, one_window)
{
    const double dx[4] = {1, 1, 1, 1};
    pool_expect_window("sum", NULL, (const float[]){0.5f, 1.25f, -3.0f, 4.0f}, 2.75, dx);
}
