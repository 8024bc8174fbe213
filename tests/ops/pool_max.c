#include <criterion/criterion.h>
#include <math.h>

#include "tests/ops/pool_case.h"

static double reference(const struct pool_window *window, const void *args)
{
    (void)args;
    double largest = window->a[0];
    for (int i = 1; i < window->n; i++) largest = fmax(largest, window->a[i]);
    return largest;
}

const struct pool_test pool_test_max = {.reference = reference};

Test(pool_max, is_a_mean)
{
    pool_expect_mean("max", NULL);
}

Test(pool_max, streams)
{
    pool_expect_streams("max", NULL);
}

Test(pool_max, instruction_sets_agree)
{
    pool_expect_levels_agree("max", NULL);
}

static void expect_gradient(int size, const float *x, int at)
{
    const float dy = 2.0f;
    struct pool_layer layer = {.name = "max",
                               .window = window_square(0, 1, 0),
                               .shape = {1, size, size, 1},
                               .x = x,
                               .dy = &dy};
    pool_layer_run(&layer);
    for (int i = 0; i < size * size; i++)
        cr_expect_eq(layer.dx[i], i == at ? dy : 0.0f, "%dx%d: gradient %d is %g", size, size, i,
                     (double)layer.dx[i]);
    pool_layer_free(&layer);
}

Test(pool_max, first_of_equal_maxima_takes_the_gradient)
{
    expect_gradient(2, (const float[]){1, 3, 3, 3}, 1);
    expect_gradient(3, (const float[]){1, 1, 1, 1, 1, 1, 1, 1, 1}, 0);
    float x[17 * 17] = {0}; // more elements than a byte counts
    x[270] = x[288] = 5.0f;
    expect_gradient(17, x, 270);
    expect_gradient(2, (const float[]){-INFINITY, -INFINITY, -INFINITY, -INFINITY}, 0);
}

Test(pool_max, a_nan_takes_the_gradient)
{
    expect_gradient(2, (const float[]){1, NAN, 3, 2}, 1);
    expect_gradient(3, (const float[]){NAN, 1, 2, 3, 4, 5, 6, 7, 8}, 0);
    expect_gradient(3, (const float[]){NAN, 1, 2, 3, NAN, 5, 6, 7, 8}, 4); // as PyTorch: the last
}
