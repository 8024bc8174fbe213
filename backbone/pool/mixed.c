#include "backbone/pool/mixed.h"

#include "backbone/pool/dispatch.h"

POOL_KERNELS(mixed)

static const struct field fields[] = {
    {.name = "alpha_init",
     .type = FIELD_FLOAT,
     .offset = offsetof(struct mixed_args, alpha),
     .initial = "0.5",
     .min = 0.0,
     .max = 1.0,
     .help = "the maximum's share at first, or for good where it is not learned"},
    {.name = "learn_alpha",
     .type = FIELD_BOOL,
     .offset = offsetof(struct mixed_args, learn_alpha),
     .initial = "true",
     .help = "alpha is trained; it stays in 0 to 1"},
    POOL_SCOPE_FIELD(struct mixed_args, scope, "layer"),
    {0},
};

static enum status declare(struct pool *pool, struct params *params, const char *prefix,
                           int n_channels)
{
    const struct mixed_args *args = (const struct mixed_args *)pool->args;
    struct pool_param alpha = {
        .name = "alpha",
        .scope = (enum pool_scope)args->scope,
        .n = 1,
        .init = INIT_CONSTANT,
        .init_a = args->alpha,
        .limit = {PARAM_RANGE, 0.0, 1.0},
    };
    return args->learn_alpha ? pool_declare(pool, params, prefix, n_channels, &alpha) : OK;
}

const struct pool_def pool_mixed = {
    .name = "mixed",
    .summary = "maximum and average in learned shares",
    .formula = "y = alpha max_i a_i + (1 - alpha) (1/n) sum_i a_i",
    .cost = "a comparison and an addition an element, again in the gradient",
    .paper = "Lee, Gallagher, Tu, AISTATS 2016, arXiv 1509.08985",
    .sites = 1u << POOL_STEM | 1u << POOL_DOWNSAMPLE | 1u << POOL_GLOBAL,
    .default_kernel = 3,
    .default_stride = 2,
    .default_padding = 1,
    .fields = fields,
    .args_bytes = sizeof(struct mixed_args),
    .declare = declare,
    .cpu_forward = forward,
    .cpu_backward = backward,
};
