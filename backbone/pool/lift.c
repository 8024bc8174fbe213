// LiftPool (Zhao & Snoek, ICLR 2021), downwards: a learned lifting step in each direction splits
// the map into four sub-bands, whose sum is the pooled map. The authors published no code.
#include <assert.h>
#include <stddef.h>
#include <stdio.h>

#include "nn/ops_map.h"

enum norm { NORM_MEAN, NORM_SUM };

struct own_args {
    int64_t filter;
    int norm; // enum norm
};

static const struct field fields[] = {
    {.name = "filter",
     .type = FIELD_INT,
     .offset = offsetof(struct own_args, filter),
     .initial = "3",
     .min = 1,
     .max = 15,
     .help = "length of the filters of P and U, an odd number"},
    {.name = "norm",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct own_args, norm),
     .initial = "mean",
     .choices = "mean|sum",
     .help = "the mean of the sub-bands keeps the map's scale; the paper's sum is four times as "
             "large"},
    {0},
};

// P and U of an axis: a depthwise filter along it and a 1x1 convolution each, two of pool->params.
enum { PER_FILTER = 2, PER_AXIS = 2 * PER_FILTER };

static enum status check(const struct pool *pool)
{
    const struct own_args *args = (const struct own_args *)(const void *)pool->args;
    const struct window *w = &pool->window;
    bool is_half = w->kernel_h == 2 && w->kernel_w == 2 && w->stride_h == 2 && w->stride_w == 2;
    bool is_plain = w->pad_begin_h == 0 && w->pad_begin_w == 0 && w->pad_end_h == 0 &&
                    w->pad_end_w == 0 && !w->ceil_mode;
    if (args->filter % 2 == 0)
        return fail(ERR_USAGE, "filter: %d is even; P and U need a middle", (int)args->filter);
    if (is_half && is_plain) return OK;
    return fail(ERR_USAGE,
                "kernel: lift splits even from odd elements: a 2x2 window, stride 2, no "
                "padding and no ceil, not %dx%d with stride %dx%d",
                w->kernel_h, w->kernel_w, w->stride_h, w->stride_w);
}

static enum status declare_filter(struct pool *pool, struct params *params, const char *prefix,
                                  const char *name, const int64_t shape[3])
{
    assert(pool->n_params < POOL_MAX_PARAMS);
    char full[sizeof((struct param *)NULL)->name];
    int length = snprintf(full, sizeof full, "%s%s.0.weight", prefix, name);
    if (length < 0 || (size_t)length >= sizeof full - 1)
        return fail(ERR_USAGE, "the parameter name %s%s.0.weight is too long", prefix, name);
    struct param_spec depthwise = {.name = full,
                                   .rank = 3,
                                   .shape = {shape[0], shape[1], shape[2]},
                                   .group = PARAM_POOL,
                                   .init = INIT_NORMAL,
                                   .init_a = 0.5};
    TRY(params_declare(params, &depthwise, &pool->params[pool->n_params]));
    pool->n_params++;
    snprintf(full, sizeof full, "%s%s.2.weight", prefix, name);
    // Zero: P and U start as nothing, and the pool as an average.
    struct param_spec mix = {.name = full,
                             .rank = 4,
                             .shape = {shape[2], 1, 1, shape[2]},
                             .group = PARAM_POOL,
                             .kind = PARAM_CONV,
                             .init = INIT_ZERO};
    TRY(params_declare(params, &mix, &pool->params[pool->n_params]));
    pool->n_params++;
    return OK;
}

static enum status declare(struct pool *pool, struct params *params, const char *prefix,
                           int n_channels)
{
    const struct own_args *args = (const struct own_args *)(const void *)pool->args;
    const int64_t along_row[3] = {1, args->filter, n_channels};
    const int64_t along_column[3] = {args->filter, 1, n_channels};
    TRY(declare_filter(pool, params, prefix, "horizontal.predict", along_row));
    TRY(declare_filter(pool, params, prefix, "horizontal.update", along_row));
    TRY(declare_filter(pool, params, prefix, "vertical.predict", along_column));
    return declare_filter(pool, params, prefix, "vertical.update", along_column);
}

// tanh(conv1x1(relu(filter(x))))
static enum status run_filter(struct tape *tape, struct tensor *const params[PER_FILTER],
                              struct tensor *x, struct tensor **y)
{
    int rows = (int)params[0]->shape[0], cols = (int)params[0]->shape[1];
    struct depthwise_conv2d_args depthwise = {
        .window = {rows, cols, 1, 1, rows / 2, cols / 2, rows / 2, cols / 2, false}};
    struct conv2d_args mix = {.stride = 1, .padding = 0};
    struct logistic_args tanh_args = {.slope = 2.0f, .scale = 2.0f, .shift = -1.0f};
    struct tensor *filtered = NULL, *positive = NULL, *mixed = NULL;
    TRY(depthwise_conv2d(tape, x, params[0], NULL, &depthwise, &filtered));
    TRY(relu(tape, filtered, &positive));
    tape_drop(tape, filtered);
    TRY(conv2d(tape, positive, params[1], NULL, NULL, NULL, &mix, &mixed));
    tape_drop(tape, positive);
    TRY(logistic(tape, mixed, &tanh_args, y));
    tape_drop(tape, mixed);
    return OK;
}

// y = x + factor * filter(of)
static enum status lift(struct tape *tape, struct tensor *const params[PER_FILTER],
                        struct tensor *x, struct tensor *of, float factor, struct tensor **y)
{
    struct tensor *change = NULL;
    TRY(run_filter(tape, params, of, &change));
    TRY(combine(tape, x, change, &(const struct combine_args){1.0f, factor}, y));
    tape_drop(tape, change);
    return OK;
}

// The sum of the two sub-bands along an axis, detail d = x_odd - P(x_even) and approximation
// s = x_even + U(d), times `factor`.
static enum status split_and_sum(struct tape *tape, struct tensor *const params[PER_AXIS],
                                 struct tensor *x, enum subsample_axis axis, float factor,
                                 struct tensor *bands[2], struct tensor **sum)
{
    struct tensor *even = NULL, *odd = NULL;
    TRY(subsample(tape, x, &(const struct subsample_args){(int)axis, 2, 0}, &even));
    TRY(subsample(tape, x, &(const struct subsample_args){(int)axis, 2, 1}, &odd));
    TRY(lift(tape, params, odd, even, -1.0f, &bands[1]));
    tape_drop(tape, odd);
    TRY(lift(tape, params + PER_FILTER, even, bands[1], 1.0f, &bands[0]));
    tape_drop(tape, even);
    if (!sum) return OK;
    TRY(combine(tape, bands[0], bands[1], &(const struct combine_args){factor, factor}, sum));
    tape_drop(tape, bands[0]);
    tape_drop(tape, bands[1]);
    return OK;
}

static enum status build(struct tape *tape, const struct pool *pool, struct tensor *x,
                         struct tensor **y)
{
    const struct own_args *args = (const struct own_args *)(const void *)pool->args;
    float factor = args->norm == NORM_MEAN ? 0.5f : 1.0f; // of each of two sums
    struct tensor *bands[2], *unused[2], *sums[2];
    char text[TENSOR_TEXT_BYTES];
    if (x->shape[1] < 2 || x->shape[2] < 2)
        return fail(ERR_USAGE, "pool lift: %s has no even and odd elements", tensor_text(x, text));
    TRY(split_and_sum(tape, pool->params, x, SUBSAMPLE_COLUMNS, 1.0f, bands, NULL));
    for (int i = 0; i < 2; i++) {
        TRY(split_and_sum(tape, pool->params + PER_AXIS, bands[i], SUBSAMPLE_ROWS, factor, unused,
                          &sums[i]));
        tape_drop(tape, bands[i]);
    }
    TRY(combine(tape, sums[0], sums[1], &(const struct combine_args){factor, factor}, y));
    tape_drop(tape, sums[0]);
    tape_drop(tape, sums[1]);
    return OK;
}

const struct pool_def pool_lift = {
    .name = "lift",
    .summary = "mean of the four sub-bands of a learned lifting scheme (LiftPool)",
    .formula = "along the rows, then along the columns:\n"
               "d = a_odd - P(a_even),  s = a_even + U(d),  P, U = tanh(conv1x1(relu(filter)))\n"
               "y = (LL + LH + HL + HH) / 4",
    .cost = "six filters and six 1x1 convolutions on maps of half and quarter size; some three "
            "maps more in memory",
    .paper = "Zhao, Snoek, ICLR 2021, arXiv 2104.00996",
    .sites = 1u << POOL_STEM | 1u << POOL_DOWNSAMPLE,
    .sites_refusal = "it halves the map; the whole map is no window of two by two",
    .default_kernel = 2,
    .default_stride = 2,
    .default_padding = 0,
    .fields = fields,
    .args_bytes = sizeof(struct own_args),
    .check = check,
    .declare = declare,
    .build = build,
};
