#include <criterion/criterion.h>
#include <math.h>

#include "backbone/pool/soft.h"
#include "tests/ops/pool_case.h"

static double reference(const struct pool_window *window, const void *args)
{
    const struct soft_args *own = (const struct soft_args *)args;
    double sum = 0.0, weighted = 0.0, beta = own->learn_beta ? window->param[0][0] : own->beta;
    for (int i = 0; i < window->n; i++) {
        double weight = exp(beta * window->a[i]);
        sum += weight;
        weighted += weight * window->a[i];
    }
    return weighted / sum;
}

const struct pool_test pool_test_soft = {.reference = reference,
                                         .variants = {"beta=0.5", "beta=3", "beta=0",
                                                      "learn_beta=true",
                                                      "learn_beta=true param_scope=channel"}};

Test(pool_soft, is_a_mean)
{
    pool_expect_mean("soft", NULL);
    pool_expect_mean("soft", "beta=0");
    pool_expect_mean("soft", "beta=20");
}

Test(pool_soft, streams)
{
    pool_expect_streams("soft", NULL);
    pool_expect_streams("soft", "grad=detached");
}

Test(pool_soft, instruction_sets_agree)
{
    pool_expect_levels_agree("soft", NULL);
    pool_expect_levels_agree("soft", "beta=2 grad=detached");
    pool_expect_levels_agree("soft", "learn_beta=true");
}

Test(pool_soft, any_finite_input_gives_finite_results)
{
    pool_expect_finite("soft", NULL);
    pool_expect_finite("soft", "beta=0.01 learn_beta=true");
    pool_expect_finite("soft", "beta=10000");
}

Test(pool_soft, limits)
{
    pool_expect_same("soft", "beta=0", "avg", NULL, 1e-6, 1e-6);
    pool_expect_same("soft", "beta=10000", "max", NULL, 1e-4, 0);
    pool_expect_same("soft", "beta=1.5 learn_beta=true", "soft", "beta=1.5", 2e-6, 1e-5);
}

// One 2x2 window.
static void expect_window(const char *settings, const float x[4], double y, const double *dx)
{
    const float dy = 1.0f;
    struct pool_layer layer = {.name = "soft",
                               .settings = settings,
                               .window = window_square(2, 2, 0),
                               .shape = {1, 2, 2, 1},
                               .x = x,
                               .dy = &dy};
    pool_layer_run(&layer);
    cr_expect_float_eq((double)layer.y[0], y, 3e-7 * (1.0 + fabs(y)), "y is %.9g, not %.9g",
                       (double)layer.y[0], y);
    double sum = 0.0;
    for (int i = 0; i < 4; i++) {
        sum += (double)layer.dx[i];
        if (dx)
            cr_expect_float_eq((double)layer.dx[i], dx[i], 3e-7, "dx[%d] is %.9g, not %.9g", i,
                               (double)layer.dx[i], dx[i]);
    }
    cr_expect_float_eq(sum, 1.0, 5e-7, "gradients sum to %.9g", sum);
    pool_layer_free(&layer);
}

// Values computed in double precision from the formulas.
Test(pool_soft, known_values)
{
    const float x[4] = {0.3f, 1.7f, -0.4f, 2.2f};
    const double exact[4] = {-0.03869631, 0.30699674, -0.04762089, 0.77932045};
    const double weights[4] = {0.08171484, 0.33137000, 0.04057839, 0.54633677};
    expect_window("grad=exact", x, 1.77355300, exact);
    expect_window("grad=detached", x, 1.77355300, weights);
    expect_window(NULL, (const float[]){1, 2, 4, 5}, 4.58878096, NULL);
    expect_window(NULL, (const float[]){100, 0, 0, 0}, 100.0, NULL);
    expect_window(NULL, (const float[]){-200, -200, -201, -203}, -200.21394210, NULL);
}

Test(pool_soft, overlapping_windows_of_a_ramp)
{
    const float x[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    const double y[4] = {4.5888, 5.5888, 7.5888, 8.5888};
    struct pool_layer layer = {
        .name = "soft", .window = window_square(2, 1, 0), .shape = {1, 3, 3, 1}, .x = x};
    pool_layer_run(&layer);
    for (int i = 0; i < 4; i++) cr_expect_float_eq((double)layer.y[i], y[i], 5e-5);
    pool_layer_free(&layer);
}

// Values far apart, where exp overflows or all terms but one vanish.
Test(pool_soft, extreme_values_stay_finite)
{
    expect_window(NULL, (const float[]){1e30f, -1e30f, 0, 1}, 1e30, (const double[]){1, 0, 0, 0});
    expect_window(NULL, (const float[]){-1e30f, -1e30f, -1e30f, 0}, 0.0,
                  (const double[]){0, 0, 0, 1});
    expect_window("beta=10000", (const float[]){88, 89, 90, 91}, 91.0,
                  (const double[]){0, 0, 0, 1});
    expect_window("beta=0", (const float[]){-1, 2, 300, 3}, 76.0,
                  (const double[]){.25, .25, .25, .25});
}

// y(x + c) = y(x) + c
Test(pool_soft, follows_a_shift)
{
    expect_window(NULL, (const float[]){100.5f, 101.5f, 103.5f, 104.5f}, 104.08878096, NULL);
    expect_window(NULL, (const float[]){-99.5f, -98.5f, -96.5f, -95.5f}, -95.91121904, NULL);
}

Test(pool_soft, unknown_gradient_is_refused)
{
    struct soft_args args;
    const struct pool_def *def = pool_find("soft");
    fields_defaults(def->fields, &args);
    cr_expect_eq(args.beta, 1.0);
    cr_expect_eq(args.grad, SOFT_EXACT);
    cr_expect_eq(fields_set_text(def->fields, &args, "grad", "inexact"), ERR_USAGE);
    cr_expect_eq(fields_set_text(def->fields, &args, "beta", "-1"), ERR_USAGE);
}
