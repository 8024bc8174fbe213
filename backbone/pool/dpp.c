#include "backbone/pool/dpp.h"

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
     .choices = "avg2|avg3",
     .help = "the window's mean, or as in the authors' later code the mean over one more row and "
             "column at the top and left, padding counted as zeros"},
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
    return pool_declare(pool, params, prefix, n_channels, &param);
}

const struct pool_def pool_dpp = {
    .name = "dpp",
    .summary = "average that keeps details: weights grow with the distance from the mean (lite)",
    .formula = "y = sum_i w_i a_i / sum_i w_i,  w_i = (v_i / mean v)^(e^lambda / 2) + e^alpha, "
               " v_i = (a_i - mean a)^2 + eps",
    .cost = "a logarithm and an exponential an element, twice and one more in the gradient",
    .paper = "Saeedan, Weber, Goesele, Roth, CVPR 2018, arXiv 1804.04076",
    .sites = 1u << POOL_STEM | 1u << POOL_DOWNSAMPLE | 1u << POOL_GLOBAL,
    .default_kernel = 2,
    .default_stride = 2,
    .default_padding = 0,
    .fields = fields,
    .args_bytes = sizeof(struct dpp_args),
    .declare = declare,
    .cpu_forward = forward,
    .cpu_backward = backward,
};
