#include "backbone/pool/dpp.h"

#include <math.h>

#include "backbone/pool/dispatch.h"

POOL_KERNELS(dpp)

static const struct field fields[] = {
    {.name = "symmetric",
     .type = FIELD_BOOL,
     .offset = offsetof(struct dpp_args, symmetric),
     .initial = "true",
     .help = "details below the reference count as those above it"},
    {.name = "reference",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct dpp_args, reference),
     .initial = "avg2",
     .choices = "avg2|avg3|learned",
     .help = "the window's mean (the paper's lite variant); as in the authors' later code the mean "
             "over one more row and column at the top and left, padding counted as zeros; or a "
             "learned filter with bias over these, for each channel (the paper's full variant)"},
    {.name = "norm",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct dpp_args, norm),
     .initial = "mean",
     .choices = "mean|sum",
     .help = "details relative to their mean, or as in the authors' later code to their sum"},
    {.name = "eps",
     .type = FIELD_FLOAT,
     .offset = offsetof(struct dpp_args, eps),
     .initial = "0.001",
     .min = 1e-12,
     .max = 1.0,
     .help = "added to the squares"},
    {.name = "lambda_init",
     .type = FIELD_FLOAT,
     .offset = offsetof(struct dpp_args, lambda),
     .initial = "0",
     .min = -10.0,
     .max = 10.0,
     .help = "first value of each channel's lambda: the details' power is e^lambda"},
    {.name = "alpha_init",
     .type = FIELD_FLOAT,
     .offset = offsetof(struct dpp_args, alpha),
     .initial = "0",
     .min = -20.0,
     .max = 10.0,
     .help = "first value of each channel's alpha: every element weighs e^alpha at least"},
    {0},
};

static enum status check(const struct pool *pool)
{
    const struct dpp_args *args = (const struct dpp_args *)pool->args;
    if (args->reference != DPP_LEARNED || pool->window.kernel_h > 0) return OK;
    return fail(ERR_USAGE, "reference: a learned one has a weight for each place of its window and "
                           "cannot take the whole map");
}

// Of the filter: PyTorch's and Torch's usual range for a convolution with this many inputs.
static enum status declare_reference(struct pool *pool, struct params *params, const char *prefix,
                                     int n_channels)
{
    int places = (pool->window.kernel_h + 1) * (pool->window.kernel_w + 1);
    struct pool_param param = {.name = "reference.bias",
                               .scope = POOL_PER_CHANNEL,
                               .n = 1,
                               .init = INIT_UNIFORM,
                               .init_a = 1.0 / sqrt((double)places)};
    TRY(pool_declare(pool, params, prefix, n_channels, &param));
    param.name = "reference.weight";
    param.n = places;
    return pool_declare(pool, params, prefix, n_channels, &param);
}

static enum status declare(struct pool *pool, struct params *params, const char *prefix,
                           int n_channels)
{
    const struct dpp_args *args = (const struct dpp_args *)pool->args;
    struct pool_param param = {
        .name = "lambda",
        .scope = POOL_PER_CHANNEL,
        .n = 1,
        .init = INIT_CONSTANT,
        .init_a = args->lambda,
    };
    TRY(pool_declare(pool, params, prefix, n_channels, &param));
    param.name = "alpha";
    param.init_a = args->alpha;
    TRY(pool_declare(pool, params, prefix, n_channels, &param));
    if (args->reference != DPP_LEARNED) return OK;
    return declare_reference(pool, params, prefix, n_channels);
}

const struct pool_def pool_dpp = {
    .name = "dpp",
    .summary = "average that keeps details: weights grow with the distance from a reference",
    .formula = "y = sum_i w_i a_i / sum_i w_i,  w_i = (v_i / mean v)^(e^lambda / 2) + e^alpha, "
               " v_i = (a_i - t)^2 + eps,  t = mean a",
    .cost = "a logarithm and an exponential an element, twice and one more in the gradient",
    .paper = "Saeedan, Weber, Goesele, Roth, CVPR 2018, arXiv 1804.04076",
    .sites = 1u << POOL_STEM | 1u << POOL_DOWNSAMPLE | 1u << POOL_GLOBAL,
    .default_kernel = 2,
    .default_stride = 2,
    .default_padding = 0,
    .fields = fields,
    .args_bytes = sizeof(struct dpp_args),
    .check = check,
    .declare = declare,
    .cpu_forward = forward,
    .cpu_backward = backward,
};
