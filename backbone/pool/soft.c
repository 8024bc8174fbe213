#include "backbone/pool/soft.h"

#include "backbone/pool/dispatch.h"

POOL_KERNELS(soft)

#define MAX_BETA 1e4

static const struct field fields[] = {
    {.name = "beta",
     .type = FIELD_FLOAT,
     .offset = offsetof(struct soft_args, beta),
     .initial = "1",
     .min = 0.0,
     .max = MAX_BETA,
     .help =
         "inverse temperature: 0 averages, 1 is the paper's, large values approach the maximum"},
    {.name = "learn_beta",
     .type = FIELD_BOOL,
     .offset = offsetof(struct soft_args, learn_beta),
     .initial = "false",
     .help = "beta is trained, from this value on; it stays in 0 to 10000"},
    POOL_SCOPE_FIELD(struct soft_args, scope, "layer"),
    {.name = "grad",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct soft_args, grad),
     .initial = "exact",
     .choices = "exact|detached",
     .help = "the derivative of the formula, or the weights alone, as in the paper's text and the "
             "authors' code"},
    {0},
};

static enum status declare(struct pool *pool, struct params *params, const char *prefix,
                           int n_channels)
{
    const struct soft_args *args = (const struct soft_args *)pool->args;
    struct pool_param beta = {
        .name = "beta",
        .scope = (enum pool_scope)args->scope,
        .n = 1,
        .init = INIT_CONSTANT,
        .init_a = args->beta,
        .limit = {PARAM_RANGE, 0.0, MAX_BETA},
    };
    return args->learn_beta ? pool_declare(pool, params, prefix, n_channels, &beta) : OK;
}

const struct pool_def pool_soft = {
    .name = "soft",
    .summary = "average weighted by the softmax of the window (SoftPool)",
    .formula = "y = sum_i w_i a_i,  w_i = exp(beta a_i) / sum_j exp(beta a_j)",
    .cost = "one exponential an element, again in the gradient",
    .paper = "Stergiou, Poppe, Kalliatakis, ICCV 2021, arXiv 2101.00440",
    .sites = 1u << POOL_STEM | 1u << POOL_DOWNSAMPLE | 1u << POOL_GLOBAL,
    .default_kernel = 2,
    .default_stride = 2,
    .default_padding = 0,
    .fields = fields,
    .args_bytes = sizeof(struct soft_args),
    .declare = declare,
    .cpu_forward = forward,
    .cpu_backward = backward,
};
