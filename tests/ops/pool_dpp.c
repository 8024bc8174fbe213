#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "backbone/pool/dpp.h"
#include "tests/ops/pool_case.h"

// Mean over rows top - 1 to bottom and columns likewise; what lies outside of the map counts as 0,
// what lies outside of its padding not at all.
static double wide_mean(const struct pool_window *w)
{
    const struct window *win = &w->window;
    double sum = 0.0;
    int n = 0;
    for (int r = w->top - 1; r < w->top + win->kernel_h; r++)
        for (int q = w->left - 1; q < w->left + win->kernel_w; q++) {
            if (r >= w->h + win->pad_end_h || q >= w->w + win->pad_end_w) continue;
            n++;
            if (r < 0 || r >= w->h || q < 0 || q >= w->w) continue;
            sum += w->map[(r * w->w + q) * w->n_channels];
        }
    return sum / n;
}

// Parameter 2 is the bias, 3 the weights of the rows from top - 1 and the columns from left - 1.
static double learned(const struct pool_window *w)
{
    int cols = w->window.kernel_w + 1;
    double sum = w->param[2][0];
    for (int k = 0; k < (w->window.kernel_h + 1) * cols; k++) {
        int r = w->top - 1 + k / cols, q = w->left - 1 + k % cols;
        if (r >= 0 && r < w->h && q >= 0 && q < w->w)
            sum += w->param[3][k] * w->map[(r * w->w + q) * w->n_channels];
    }
    return sum;
}

static double square(double x, const struct dpp_args *args)
{
    if (!args->symmetric && x < 0.0) x = 0.0;
    return x * x + args->eps;
}

static double reference(const struct pool_window *window, const void *args)
{
    const struct dpp_args *own = (const struct dpp_args *)args;
    double q = exp(window->param[0][0]) / 2.0, constant = exp(window->param[1][0]);
    double t = 0.0, total = 0.0, sum = 0.0, weighted = 0.0;
    for (int i = 0; i < window->n; i++) t += window->a[i] / window->n;
    if (own->reference == DPP_AVG3) t = wide_mean(window);
    if (own->reference == DPP_LEARNED) t = learned(window);
    for (int i = 0; i < window->n; i++) total += square(window->a[i] - t, own);
    if (own->norm == DPP_MEAN) total /= window->n;
    for (int i = 0; i < window->n; i++) {
        double w = pow(square(window->a[i] - t, own) / total, q) + constant;
        sum += w;
        weighted += w * window->a[i];
    }
    return weighted / sum;
}

const struct pool_test pool_test_dpp = {
    .reference = reference,
    .variants = {"symmetric=false", "reference=avg3", "norm=sum",
                 "symmetric=false reference=avg3 norm=sum", "reference=learned",
                 "reference=learned symmetric=false norm=sum"},
    .params = {{-0.5f, 0.8f}, {-1.0f, 1.0f}, {-0.5f, 0.5f}, {-0.3f, 0.4f}},
    .tolerance = 3e-5};

Test(pool_dpp, is_a_mean)
{
    pool_expect_mean("dpp", NULL);
    pool_expect_mean("dpp", "symmetric=false norm=sum");
}

Test(pool_dpp, streams)
{
    pool_expect_streams("dpp", NULL);
}

Test(pool_dpp, instruction_sets_agree)
{
    pool_expect_levels_agree("dpp", "alpha_init=1");
    pool_expect_levels_agree("dpp", "reference=avg3 symmetric=false alpha_init=1");
    pool_expect_levels_agree("dpp", "reference=learned alpha_init=1");
}

Test(pool_dpp, known_values)
{
    const float x[4] = {0.3f, 1.7f, 0.4f, 2.2f};
    pool_expect_window("dpp", NULL, x, 1.168503, NULL);
    pool_expect_window("dpp", "norm=sum", x, 1.162285, NULL);
}

// A filter of 1/9 in all places is the authors' average of 3x3.
Test(pool_dpp, a_learned_reference_can_be_the_average)
{
    enum { H = 6, W = 8, C = 3 };
    float x[H * W * C], dy[H / 2 * W / 2 * C], lambda[C] = {0}, alpha[C] = {0}, bias[C] = {0};
    float weight[9 * C];
    for (int i = 0; i < H * W * C; i++) x[i] = 2.0f * sinf((float)i * 1.37f);
    for (int i = 0; i < H / 2 * W / 2 * C; i++) dy[i] = cosf((float)i);
    for (int i = 0; i < 9 * C; i++) weight[i] = 1.0f / 9.0f;
    struct pool_layer average = {.name = "dpp",
                                 .settings = "reference=avg3",
                                 .window = window_square(2, 2, 0),
                                 .shape = {1, H, W, C},
                                 .x = x,
                                 .dy = dy,
                                 .params = {lambda, alpha}};
    struct pool_layer filter = average;
    filter.settings = "reference=learned";
    filter.params[2] = bias;
    filter.params[3] = weight;
    pool_layer_run(&average);
    pool_layer_run(&filter);
    for (int i = 0; i < H / 2 * W / 2 * C; i++)
        cr_expect_float_eq(filter.y[i], average.y[i], 1e-5f, "output %d", i);
    for (int i = 0; i < H * W * C; i++)
        cr_expect_float_eq(filter.dx[i], average.dx[i], 1e-5f, "gradient %d", i);
    pool_layer_free(&average);
    pool_layer_free(&filter);
}

Test(pool_dpp, a_learned_reference_needs_a_window)
{
    cr_expect_eq(pool_layer_check("dpp", "reference=learned", window_square(0, 1, 0)), ERR_USAGE);
    cr_expect(strstr(fail_message(), "whole map") != NULL, "%s", fail_message());
    cr_expect_eq(pool_layer_check("dpp", "reference=learned", window_square(2, 2, 0)), OK);
}

// With a constant weight that drowns the others it is the average.
Test(pool_dpp, limits)
{
    pool_expect_same("dpp", "alpha_init=10 lambda_init=-10", "avg", NULL, 1e-4, 0);
}

Test(pool_dpp, any_finite_input_gives_finite_results)
{
    pool_expect_finite("dpp", NULL);
    pool_expect_finite("dpp", "symmetric=false");
    pool_expect_finite("dpp", "reference=avg3 norm=sum");
    pool_expect_finite("dpp", "lambda_init=5");
}

// Above 10 alpha counts as 10 and has no gradient.
Test(pool_dpp, alpha_ends_at_10)
{
    const float x[4] = {0.3f, 1.7f, 0.4f, 2.2f}, dy = 1.0f, lambda = 0.0f, alphas[] = {10, 12};
    float y[2];
    for (int i = 0; i < 2; i++) {
        struct pool_layer layer = {.name = "dpp",
                                   .window = window_square(2, 2, 0),
                                   .shape = {1, 2, 2, 1},
                                   .x = x,
                                   .dy = &dy,
                                   .params = {&lambda, &alphas[i]}};
        pool_layer_run(&layer);
        y[i] = layer.y[0];
        cr_expect_eq(layer.dparams[1][0] == 0.0f, i == 1);
        pool_layer_free(&layer);
    }
    cr_expect_eq(y[0], y[1]);
}
