#include "backbone/pool/ada.h"

#include "backbone/pool/dispatch.h"

POOL_KERNELS(ada)

static const struct field fields[] = {
    {.name = "beta_init",
     .type = FIELD_FLOAT,
     .offset = offsetof(struct ada_args, beta),
     .initial = "0.5",
     .min = 0.0,
     .max = 1.0,
     .help = "share of the Dice-Sorensen part at first, or for good where it is not learned"},
    {.name = "learn_beta",
     .type = FIELD_BOOL,
     .offset = offsetof(struct ada_args, learn_beta),
     .initial = "true",
     .help = "beta is trained; it stays in 0 to 1"},
    POOL_SCOPE_FIELD(struct ada_args, scope, "layer"),
    {.name = "grad",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct ada_args, grad),
     .initial = "exact",
     .choices = "exact|detached",
     .help = "the derivative of the formula, or the weights alone, as in the authors' code"},
    {0},
};

static enum status declare(struct pool *pool, struct params *params, const char *prefix,
                           int n_channels)
{
    const struct ada_args *args = (const struct ada_args *)pool->args;
    struct pool_param beta = {
        .name = "beta",
        .scope = (enum pool_scope)args->scope,
        .n = 1,
        .init = INIT_CONSTANT,
        .init_a = args->beta,
        .limit = {PARAM_RANGE, 0.0, 1.0},
    };
    return args->learn_beta ? pool_declare(pool, params, prefix, n_channels, &beta) : OK;
}

const struct pool_def pool_ada = {
    .name = "ada",
    .summary = "SoftPool and an average weighted by likeness to the mean, in learned shares",
    .formula = "y = beta sum_i w_i a_i + (1 - beta) SoftPool(a),  w_i = exp(c_i) / sum_j exp(c_j), "
               " c_i = 2 |a_i m| / (a_i^2 + m^2),  m = mean of a",
    .cost = "two exponentials and a division an element, again in the gradient",
    .paper = "Stergiou, Poppe, IEEE TIP 2023, arXiv 2111.00772",
    .sites = 1u << POOL_STEM | 1u << POOL_DOWNSAMPLE | 1u << POOL_GLOBAL,
    .default_kernel = 2,
    .default_stride = 2,
    .default_padding = 0,
    .fields = fields,
    .args_bytes = sizeof(struct ada_args),
    .declare = declare,
    .cpu_forward = forward,
    .cpu_backward = backward,
};
