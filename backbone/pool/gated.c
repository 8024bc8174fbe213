#include "backbone/pool/gated.h"

#include "backbone/pool/dispatch.h"

POOL_KERNELS(gated)

static const struct field fields[] = {
    {.name = "mask_std",
     .type = FIELD_FLOAT,
     .offset = offsetof(struct gated_args, mask_std),
     .initial = "0.1",
     .min = 0.0,
     .max = 100.0,
     .help = "deviation of the mask's first values (normal, mean 0)"},
    {0},
};

static enum status check(const struct pool *pool)
{
    if (pool->window.kernel_h > 0) return OK;
    return fail(ERR_USAGE, "kernel: a gated pool has a weight for each place of its window and "
                           "cannot take the whole map");
}

static enum status declare(struct pool *pool, struct params *params, const char *prefix,
                           int n_channels)
{
    struct pool_param mask = {
        .name = "mask",
        .scope = POOL_PER_LAYER,
        .n = pool->window.kernel_h * pool->window.kernel_w,
        .init = INIT_NORMAL,
        .init_a = ((const struct gated_args *)pool->args)->mask_std,
    };
    return pool_declare(pool, params, prefix, n_channels, &mask);
}

const struct pool_def pool_gated = {
    .name = "gated",
    .summary = "maximum and average in shares that depend on the window",
    .formula = "y = s(z) max_i a_i + (1 - s(z)) (1/n) sum_i a_i,  z = sum_i omega_i a_i,  "
               "s(z) = 1 / (1 + e^-z)",
    .cost = "a comparison, an addition and a multiplication an element; one exponential an output",
    .paper = "Lee, Gallagher, Tu, AISTATS 2016, arXiv 1509.08985",
    .sites = 1u << POOL_STEM | 1u << POOL_DOWNSAMPLE | 1u << POOL_GLOBAL,
    .default_kernel = 3,
    .default_stride = 2,
    .default_padding = 1,
    .fields = fields,
    .args_bytes = sizeof(struct gated_args),
    .check = check,
    .declare = declare,
    .cpu_forward = forward,
    .cpu_backward = backward,
};
