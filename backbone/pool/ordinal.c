#include "backbone/pool/ordinal.h"

#include "backbone/pool/dispatch.h"

POOL_KERNELS(ordinal)

static const struct field fields[] = {
    {.name = "init",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct ordinal_args, init),
     .initial = "random",
     .choices = "avg|max|random",
     .help = "first weights: all equal, the largest element's alone (with softmax nearly so), or "
             "uniform random numbers"},
    {.name = "constraint",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct ordinal_args, constraint),
     .initial = "project",
     .choices = "project|softmax",
     .help = "weights are put back on the simplex after every step (the paper's), or they are the "
             "softmax of free numbers"},
    POOL_SCOPE_FIELD(struct ordinal_args, scope, "channel"),
    {0},
};

static enum status check(const struct pool *pool)
{
    int kernel = pool->window.kernel_h;
    if (kernel > 0 && kernel <= ORDINAL_MAX_KERNEL) return OK;
    return fail(ERR_USAGE,
                "kernel: an ordinal pool has a weight for each rank of its window, whose side must "
                "be 1 to %d, not %s%d", ORDINAL_MAX_KERNEL, kernel ? "" : "the whole map's: ",
                kernel);
}

static enum status declare(struct pool *pool, struct params *params, const char *prefix,
                           int n_channels)
{
    const struct ordinal_args *args = (const struct ordinal_args *)pool->args;
    bool is_softmax = args->constraint == ORDINAL_SOFTMAX;
    struct pool_param weights = {
        .name = "weights",
        .scope = (enum pool_scope)args->scope,
        .n = pool->window.kernel_h * pool->window.kernel_w,
        .limit = {is_softmax ? PARAM_FREE : PARAM_SIMPLEX, 0.0, 0.0},
    };
    if (args->init == ORDINAL_MAX) {
        weights.init = INIT_FIRST;
        weights.init_a = is_softmax ? 12.0 : 1.0;
    } else if (args->init == ORDINAL_AVG) {
        weights.init = INIT_CONSTANT;
        weights.init_a = is_softmax ? 0.0 : 1.0 / weights.n;
    } else {
        weights.init = is_softmax ? INIT_UNIFORM : INIT_UNIFORM_POSITIVE;
        weights.init_a = 1.0;
    }
    return pool_declare(pool, params, prefix, n_channels, &weights);
}

const struct pool_def pool_ordinal = {
    .name = "ordinal",
    .summary = "average weighted by rank, with learned weights",
    .formula = "y = sum_r w_r a_(r),  a_(0) >= a_(1) >= ...,  w_r >= 0,  sum_r w_r = 1",
    .cost = "k^4 comparisons and choices an output of a kxk window",
    .paper = "Kumar, arXiv 1804.02702; Deliege et al., arXiv 2109.01561",
    .sites = 1u << POOL_STEM | 1u << POOL_DOWNSAMPLE | 1u << POOL_GLOBAL,
    .default_kernel = 2,
    .default_stride = 2,
    .default_padding = 0,
    .fields = fields,
    .args_bytes = sizeof(struct ordinal_args),
    .check = check,
    .declare = declare,
    .cpu_forward = forward,
    .cpu_backward = backward,
};
