#include "backbone/pool/lp.h"

#include <math.h>

#include "backbone/pool/dispatch.h"

POOL_KERNELS(lp)

static const struct field fields[] = {
    {.name = "p_init",
     .type = FIELD_FLOAT,
     .offset = offsetof(struct lp_args, p),
     .initial = "3",
     .min = 1.0,
     .max = 100.0,
     .help = "the norm's first p, or its p where it is not learned"},
    {.name = "learn_p",
     .type = FIELD_BOOL,
     .offset = offsetof(struct lp_args, learn_p),
     .initial = "true",
     .help = "p = 1 + log(1 + e^rho) is learned, at most 16"},
    POOL_SCOPE_FIELD(struct lp_args, scope, "channel"),
    {.name = "normalize",
     .type = FIELD_BOOL,
     .offset = offsetof(struct lp_args, normalize),
     .initial = "true",
     .help = "the mean of the powers (the paper's), not their sum"},
    {0},
};

static enum status check(const struct pool *pool)
{
    const struct lp_args *args = (const struct lp_args *)pool->args;
    if (!args->learn_p || (args->p > 1.0 && args->p < LP_MAX_LEARNED)) return OK;
    return fail(ERR_USAGE, "p_init: a learned p begins between 1 and 16, not at %g", args->p);
}

static double shown_p(double rho)
{
    double p = 1.0 + (rho > 30.0 ? rho : log1p(exp(rho)));
    return p < LP_MAX_LEARNED ? p : LP_MAX_LEARNED;
}

static enum status declare(struct pool *pool, struct params *params, const char *prefix,
                           int n_channels)
{
    const struct lp_args *args = (const struct lp_args *)pool->args;
    struct pool_param rho = {
        .name = "rho",
        .scope = (enum pool_scope)args->scope,
        .n = 1,
        .init = INIT_CONSTANT,
        .init_a = log(expm1(args->p - 1.0)),
        .shown = {"p", shown_p},
    };
    return args->learn_p ? pool_declare(pool, params, prefix, n_channels, &rho) : OK;
}

const struct pool_def pool_lp = {
    .name = "lp",
    .summary = "norm of the window with a learned power",
    .formula = "y = ((1/n) sum_i |a_i|^p)^(1/p),  p = 1 + log(1 + e^rho)",
    .cost = "a logarithm and an exponential an element, again in the gradient with one more",
    .paper = "Gulcehre, Cho, Pascanu, Bengio, ECML 2014, arXiv 1311.1780",
    .sites = 1u << POOL_STEM | 1u << POOL_DOWNSAMPLE | 1u << POOL_GLOBAL,
    .default_kernel = 2,
    .default_stride = 2,
    .default_padding = 0,
    .fields = fields,
    .args_bytes = sizeof(struct lp_args),
    .check = check,
    .declare = declare,
    .cpu_forward = forward,
    .cpu_backward = backward,
};
