#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "backbone/pool/s3.h"
#include "base/mem.h"
#include "tests/ops/pool_case.h"

static double maximum_at(const struct pool_window *w, const struct s3_args *own, int t, int u)
{
    int k_h = own->pre_max ? w->window.kernel_h : 1, k_w = own->pre_max ? w->window.kernel_w : 1;
    double largest = -INFINITY;
    for (int r = t; r < t + k_h && r < w->h; r++)
        for (int q = u; q < u + k_w && q < w->w; q++)
            largest = fmax(largest, w->map[(r * w->w + q) * w->n_channels]);
    return largest;
}

// Rows that training takes: of each strip, in order, row t with probability (rows still needed) /
// (rows left).
static void draw(int in, int out, int stride, int grid, struct rng *rng, int *taken)
{
    int n = 0;
    for (int begin = 0; begin < in; begin += grid) {
        int end = begin + grid < in ? begin + grid : in;
        int need = end < in ? grid / stride : out - n;
        if (need > out - n) need = out - n;
        for (int t = begin; t < end && need > 0; t++)
            if ((int)rng_below(rng, (uint32_t)(end - t)) < need) {
                taken[n++] = t;
                need--;
            }
    }
    cr_assert_eq(n, out);
}

static double choose(int n, int k)
{
    return k < 0 || k > n ? 0.0 : exp(lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0));
}

// Weight of row t in output row i.
static double expected_weight(int in, int out, int stride, int grid, int i, int t)
{
    int strip = t / grid, n_strips = (in + grid - 1) / grid, per_strip = grid / stride;
    int before = strip * per_strip < out ? strip * per_strip : out;
    int length = strip + 1 == n_strips ? in - strip * grid : grid;
    int n = strip + 1 == n_strips || before + per_strip > out ? out - before : per_strip;
    int j = i - before, at = t - strip * grid;
    if (j < 0 || j >= n) return 0.0;
    return choose(at, j) * choose(length - 1 - at, n - 1 - j) / choose(length, n);
}

static double average_weight(int in, int stride, int kernel, int i, int t)
{
    int first = i * stride - kernel / 2, n = 0;
    for (int r = first; r < first + kernel; r++) n += r >= 0 && r < in;
    if (n == 0) return t == in - 1;
    return t >= first && t < first + kernel ? 1.0 / n : 0.0;
}

static double reference(const struct pool_window *w, const void *args)
{
    const struct s3_args *own = (const struct s3_args *)args;
    const struct window *win = &w->window;
    int grid = (int)own->grid, rows[128], cols[128];
    double sum = 0.0;
    if (w->training || own->eval == S3_SAMPLE) {
        struct rng rng;
        int n = w->training ? 1 : (int)own->samples;
        int row_of[64], col_of[64];
        rng_start(&rng, 7 ^ (uint64_t)own->seed << 32, RNG_POOL, w->training ? 3 : 0);
        for (int s = 0; s < n; s++) { // the rows of all draws, then the columns
            draw(w->h, w->n_oh, win->stride_h, grid, &rng, rows);
            row_of[s] = rows[w->oh];
        }
        for (int s = 0; s < n; s++) {
            draw(w->w, w->n_ow, win->stride_w, grid, &rng, cols);
            col_of[s] = cols[w->ow];
        }
        for (int s = 0; s < n; s++) sum += maximum_at(w, own, row_of[s], col_of[s]) / n;
        return sum;
    }
    for (int t = 0; t < w->h; t++)
        for (int u = 0; u < w->w; u++) {
            double weight =
                own->eval == S3_AVG
                    ? average_weight(w->h, win->stride_h, win->kernel_h, w->oh, t) *
                          average_weight(w->w, win->stride_w, win->kernel_w, w->ow, u)
                    : expected_weight(w->h, w->n_oh, win->stride_h, grid, w->oh, t) *
                          expected_weight(w->w, w->n_ow, win->stride_w, grid, w->ow, u);
            if (weight != 0.0) sum += weight * maximum_at(w, own, t, u);
        }
    return sum;
}

const struct pool_test pool_test_s3 = {
    .reference = reference,
    .variants = {"training", "training grid=2", "training pre_max=false", "eval=expected",
                 "eval=expected grid=8", "eval=sample eval_samples=3 seed=9"},
    .needs_kernel = true};

// One draw for all images and channels, within the strips, in order; the same for any number of
// threads, another for another step or seed.
enum { N = 2, H = 24, W = 26, C = 5 };

static void run(struct pool_layer *layer, const float *x, const float *dy, uint32_t step,
                int64_t seed, int n_threads)
{
    *layer = (struct pool_layer){.name = "s3",
                                 .settings = "pre_max=false",
                                 .window = window_square(2, 2, 0),
                                 .shape = {N, H, W, C},
                                 .x = x,
                                 .dy = dy,
                                 .training = true,
                                 .step = step,
                                 .seed = seed,
                                 .n_threads = n_threads};
    pool_layer_run(layer);
}

Test(pool_s3, draws)
{
    enum { N_X = N * H * W * C, OH = H / 2, OW = W / 2, N_Y = N * OH * OW * C };
    float *x = (float *)mem_alloc(N_X, sizeof *x), *dy = (float *)mem_alloc(N_Y, sizeof *dy);
    struct pool_layer first, again, other_step, other_seed;
    for (int i = 0; i < N_X; i++) x[i] = (float)(i / C % (H * W)); // row * W + column
    for (int i = 0; i < N_Y; i++) dy[i] = 1.0f;
    run(&first, x, dy, 4, 1, 1);
    run(&again, x, dy, 4, 1, 3);
    run(&other_step, x, dy, 5, 1, 0);
    run(&other_seed, x, dy, 4, 2, 0);
    cr_expect_eq(memcmp(first.y, again.y, N_Y * sizeof(float)), 0);
    cr_expect_eq(memcmp(first.dx, again.dx, N_X * sizeof(float)), 0);
    cr_expect_neq(memcmp(first.y, other_step.y, N_Y * sizeof(float)), 0);
    cr_expect_neq(memcmp(first.y, other_seed.y, N_Y * sizeof(float)), 0);
    for (int i = 0; i < N_Y; i++) {
        int out = i / C % (OH * OW), row = (int)first.y[i] / W, col = (int)first.y[i] % W;
        cr_assert_eq(first.y[i], first.y[out * C], "image or channel %d draws alone", i);
        cr_assert_eq(row / 4, out / OW / 2, "row %d is not from its strip", row);
        cr_assert(col / 4 == out % OW / 2 || col >= 24, "column %d is not from its strip", col);
        if (out % OW > 0) cr_assert(first.y[i] > first.y[i - C], "columns are out of order");
    }
    float total = 0.0f;
    for (int i = 0; i < N_X; i++) total += first.dx[i];
    cr_expect_eq(total, (float)N_Y);
    pool_layer_free(&first);
    pool_layer_free(&again);
    pool_layer_free(&other_step);
    pool_layer_free(&other_seed);
    mem_free(x);
    mem_free(dy);
}

// With a grid of the stride the average of k = 2 rows is displaced by one from the strip; the
// expectation is the mean of the strip's maxima.
Test(pool_s3, known_values)
{
    const float x[4] = {1, 2, 3, 4}; // a row; M = 2 3 4 4
    struct pool_layer layer = {.name = "s3",
                               .settings = "grid=2",
                               .window = {1, 2, 1, 2, 0, 0, 0, 0, false, {0}},
                               .shape = {1, 1, 4, 1},
                               .x = x};
    pool_layer_run(&layer);
    cr_expect_float_eq(layer.y[0], 2.0f, 1e-6f);
    cr_expect_float_eq(layer.y[1], 3.5f, 1e-6f);
    pool_layer_free(&layer);
    layer.settings = "grid=2 eval=expected";
    pool_layer_run(&layer);
    cr_expect_float_eq(layer.y[0], 2.5f, 1e-6f);
    cr_expect_float_eq(layer.y[1], 4.0f, 1e-6f);
    pool_layer_free(&layer);
    layer.settings = "grid=4 eval=expected";
    pool_layer_run(&layer);
    cr_expect_float_eq((double)layer.y[0], (3 * 2 + 2 * 3 + 4) / 6.0, 1e-6);
    cr_expect_float_eq((double)layer.y[1], (3 + 2 * 4 + 3 * 4) / 6.0, 1e-6);
    pool_layer_free(&layer);
}

// Many draws come close to their expectation.
Test(pool_s3, expectation_is_the_mean_of_draws)
{
    float x[12 * 12];
    for (int i = 0; i < 12 * 12; i++) x[i] = (float)(i * 37 % 101) * 0.01f;
    struct pool_layer expected = {.name = "s3",
                                  .settings = "eval=expected",
                                  .window = window_square(2, 2, 0),
                                  .shape = {1, 12, 12, 1},
                                  .x = x};
    struct pool_layer drawn = expected;
    double mean[36] = {0};
    pool_layer_run(&expected);
    drawn.settings = "eval=sample eval_samples=64";
    for (int seed = 0; seed < 20; seed++) {
        drawn.seed = seed;
        pool_layer_run(&drawn);
        for (int i = 0; i < 36; i++) mean[i] += (double)drawn.y[i] / 20.0;
        pool_layer_free(&drawn);
    }
    for (int i = 0; i < 36; i++) // values in 0..1: deviation below 0.5 / sqrt(1280)
        cr_expect_float_eq(mean[i], (double)expected.y[i], 0.06);
    pool_layer_free(&expected);
}

Test(pool_s3, instruction_sets_agree)
{
    pool_expect_levels_agree("s3", NULL);
    pool_expect_levels_agree("s3", "eval=sample");
}

Test(pool_s3, streams)
{
    pool_expect_streams("s3", "eval=expected");
}

Test(pool_s3, grid_must_fit_the_stride)
{
    cr_expect_eq(pool_layer_check("s3", "grid=3", window_square(2, 2, 0)), ERR_USAGE);
    cr_expect_eq(pool_layer_check("s3", "grid=6", window_square(2, 2, 0)), OK);
}
