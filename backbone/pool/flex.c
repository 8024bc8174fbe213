#include "nn/ops_map.h"
#include "nn/pool.h"

enum { NORM_SOFTMAX, NORM_PENALTY };

struct own_args {
    int norm;
    double penalty;
    int64_t grid;
};

static const struct field fields[] = {
    {.name = "norm",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct own_args, norm),
     .initial = "softmax",
     .choices = "softmax|penalty",
     .help = "weights are the softmax of free numbers (the authors' code), or free numbers whose "
             "sum is drawn to 1 by a term of the loss (the paper)"},
    {.name = "penalty",
     .type = FIELD_FLOAT,
     .offset = offsetof(struct own_args, penalty),
     .initial = "0.1",
     .min = 0.0,
     .max = 1e6,
     .help = "norm=penalty: factor of that term, sum over channels of (sum of weights - 1)^2"},
    {.name = "grid",
     .type = FIELD_INT,
     .offset = offsetof(struct own_args, grid),
     .initial = "7",
     .min = 1,
     .max = 64,
     .help = "side of the grid of weights; for maps of another size it is resampled"},
    {0},
};

static const struct own_args *args_of(const struct pool *pool)
{
    return (const struct own_args *)(const void *)pool->args;
}

static enum status check(const struct pool *pool)
{
    if (pool->window.kernel_h == 0) return OK;
    return fail(ERR_USAGE, "kernel: FlexPooling weighs the whole map, kernel must be 0");
}

// Starts as an average.
static enum status declare(struct pool *pool, struct params *params, const char *prefix,
                           int n_channels)
{
    const struct own_args *args = args_of(pool);
    struct pool_param weight = {.name = "weight",
                                .scope = POOL_PER_CHANNEL,
                                .n = (int)(args->grid * args->grid),
                                .init = INIT_CONSTANT};
    if (args->norm == NORM_PENALTY) weight.init_a = 1.0 / weight.n;
    return pool_declare(pool, params, prefix, n_channels, &weight);
}

static enum status build(struct tape *tape, const struct pool *pool, struct tensor *x,
                         struct tensor **y)
{
    struct flex_weights_args args = {.height = (int)x->shape[1], .width = (int)x->shape[2],
                                     .softmax = args_of(pool)->norm == NORM_SOFTMAX};
    struct depthwise_conv2d_args sum = {.window = window_square(1, 1, 0)};
    struct tensor *weights = NULL;
    sum.window.kernel_h = args.height;
    sum.window.kernel_w = args.width;
    TRY(flex_weights(tape, pool->params[0], &args, &weights));
    TRY(depthwise_conv2d(tape, x, weights, NULL, &sum, y));
    tape_drop(tape, weights);
    return OK;
}

static enum status loss(struct tape *tape, const struct pool *pool, struct tensor **value)
{
    const struct own_args *args = args_of(pool);
    struct unit_sum_loss_args penalty = {(float)args->penalty};
    *value = NULL;
    if (args->norm == NORM_SOFTMAX || args->penalty == 0.0) return OK;
    return unit_sum_loss(tape, pool->params[0], &penalty, value);
}

const struct pool_def pool_flex = {
    .name = "flex",
    .summary = "average of the whole map with a learned weight for each place and channel "
               "(FlexPooling)",
    .formula = "y_c = sum_p w_pc a_pc,  w_.c = softmax(theta_.c) or free, started as an average",
    .cost = "a multiplication an element; grid^2 numbers for each channel",
    .paper = "FlexPooling with simple auxiliary classifiers, VISAPP 2023, arXiv 2606.14926",
    .sites = 1u << POOL_GLOBAL,
    .sites_refusal = "it weighs a whole map",
    .default_kernel = 0,
    .default_stride = 1,
    .default_padding = 0,
    .fields = fields,
    .args_bytes = sizeof(struct own_args),
    .check = check,
    .declare = declare,
    .build = build,
    .loss = loss,
};
