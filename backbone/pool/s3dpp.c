// Stochastic sampling after detail-preserving pooling (Saeedan et al., CVPR 2018), lite:
// detail-preserving windows at every position, of which S3Pool's rows and columns are drawn.
// At the map's end the authors repeat its last row and column. With their mean-normalised weights
// a window of 2x2 whose elements are all repeated gives what it gives without: padding that does
// not count, which is what larger windows have too.
#include <stddef.h>

#include "backbone/pool/dpp.h"
#include "backbone/pool/s3.h"
#include "nn/ops.h"

struct own_args {
    struct dpp_args dpp;
    struct s3_args s3;
};

#define DPP(member) (offsetof(struct own_args, dpp) + offsetof(struct dpp_args, member))
#define S3(member)  (offsetof(struct own_args, s3) + offsetof(struct s3_args, member))

static const struct field fields[] = {
    {.name = "strips",
     .type = FIELD_INT,
     .offset = S3(strips),
     .initial = "2",
     .min = 1,
     .max = 4096,
     .help = "strips on each axis, from each of which its share of rows (columns) is drawn; more "
             "of them displace features less"},
    {.name = "eval",
     .type = FIELD_CHOICE,
     .offset = S3(eval),
     .initial = "avg",
     .choices = "avg|expected|sample",
     .help = "in inference: the authors' average of the window at stride, the exact mean of all "
             "draws, or draws as in training"},
    {.name = "eval_samples",
     .type = FIELD_INT,
     .offset = S3(samples),
     .initial = "1",
     .min = 1,
     .max = S3_MAX_SAMPLES,
     .help = "draws that eval=sample averages"},
    {.name = "seed",
     .type = FIELD_INT,
     .offset = S3(seed),
     .initial = "123",
     .min = 0,
     .max = 2147483647,
     .help = "of its draws, beside train.seed"},
    {.name = "symmetric",
     .type = FIELD_BOOL,
     .offset = DPP(symmetric),
     .initial = "true",
     .help = "details below the window's mean count as those above it"},
    {.name = "eps",
     .type = FIELD_FLOAT,
     .offset = DPP(eps),
     .initial = "0.001",
     .min = 1e-12,
     .max = 1.0,
     .help = "added to the squares"},
    {.name = "lambda_init",
     .type = FIELD_FLOAT,
     .offset = DPP(lambda),
     .initial = "0",
     .min = -10.0,
     .max = 10.0,
     .help = "first value of each channel's lambda: the details' power is e^lambda"},
    {.name = "alpha_init",
     .type = FIELD_FLOAT,
     .offset = DPP(alpha),
     .initial = "0",
     .min = -20.0,
     .max = 10.0,
     .help = "first value of each channel's alpha: every element weighs e^alpha at least"},
    {0},
};

static enum status check(const struct pool *pool)
{
    const struct window *w = &pool->window;
    if (w->pad_begin_h == 0 && w->pad_begin_w == 0 && w->pad_end_h == 0 && w->pad_end_w == 0)
        return OK;
    return fail(ERR_USAGE, "padding: s3dpp draws from the windows that begin inside of the map; "
                           "expected 0");
}

static enum status declare(struct pool *pool, struct params *params, const char *prefix,
                           int n_channels)
{
    const struct own_args *args = (const struct own_args *)(const void *)pool->args;
    struct pool_param param = {.name = "lambda",
                               .scope = POOL_PER_CHANNEL,
                               .n = 1,
                               .init = INIT_CONSTANT,
                               .init_a = args->dpp.lambda};
    TRY(pool_declare(pool, params, prefix, n_channels, &param));
    param.name = "alpha";
    param.init_a = args->dpp.alpha;
    return pool_declare(pool, params, prefix, n_channels, &param);
}

// The operation keeps the arguments' address: they must live as long as the pool, or for ever.
static const double average_args[POOL_ARGS_BYTES / sizeof(double)];

static enum status build(struct tape *tape, const struct pool *pool, struct tensor *x,
                         struct tensor **y)
{
    const struct own_args *args = (const struct own_args *)(const void *)pool->args;
    const struct window *w = &pool->window;
    bool is_average = !tape->training && args->s3.eval == S3_AVG;
    struct pool_op_args details = {
        .def = pool_find("dpp"), .site = pool->index, .args = &args->dpp};
    struct pool_op_args last = {.def = pool_find(is_average ? "avg" : "s3"),
                                .window = *w,
                                .site = pool->index,
                                .args = is_average ? (const void *)average_args : &args->s3};
    if (!details.def || !last.def) return fail(ERR_UNSUPPORTED, "s3dpp needs dpp, s3 and avg");
    details.window = (struct window){.kernel_h = w->kernel_h,
                                     .kernel_w = w->kernel_w,
                                     .stride_h = 1,
                                     .stride_w = 1,
                                     .pad_end_h = w->kernel_h - 1,
                                     .pad_end_w = w->kernel_w - 1};
    struct tensor *map = NULL;
    TRY(pool_op(tape, x, pool->n_params, pool->params, &details, &map));
    TRY(pool_op(tape, map, 0, NULL, &last, y));
    tape_drop(tape, map);
    return OK;
}

const struct pool_def pool_s3dpp = {
    .name = "s3dpp",
    .summary = "detail-preserving windows at every position, of which rows and columns are drawn "
               "(lite)",
    .formula = "D = dpp of the window at stride 1\n"
               "training: y = D[rows][cols], a stride-th part of each of two strips' rows and "
               "columns drawn;  inference: the average of D's windows at stride",
    .cost = "dpp at every position: four times its cost, and one map more in memory",
    .paper = "Saeedan, Weber, Goesele, Roth, CVPR 2018, arXiv 1804.04076",
    .sites = 1u << POOL_STEM | 1u << POOL_DOWNSAMPLE,
    .sites_refusal = "it draws rows and columns of a map that stays a map",
    .default_kernel = 2,
    .default_stride = 2,
    .default_padding = 0,
    .fields = fields,
    .args_bytes = sizeof(struct own_args),
    .check = check,
    .declare = declare,
    .build = build,
};
