#include <stddef.h>

#include "nn/ops_map.h"

struct own_args {
    int64_t filter;
    bool pre_max;
};

static const struct field fields[] = {
    {.name = "filter",
     .type = FIELD_INT,
     .offset = offsetof(struct own_args, filter),
     .initial = "4",
     .min = 1,
     .max = BLUR_MAX_SIZE,
     .help = "size of the binomial filter: of 4, [1 3 3 1]/8 in each direction"},
    {.name = "pre_max",
     .type = FIELD_BOOL,
     .offset = offsetof(struct own_args, pre_max),
     .initial = "true",
     .help = "take the maximum of the kernel at every position first, as in place of max pooling; "
             "false: blur alone, as in place of a stride or of average pooling (kernel and padding "
             "have no effect then)"},
    {0},
};

static enum status check(const struct pool *pool)
{
    if (!pool->window.ceil_mode) return OK;
    return fail(ERR_USAGE, "ceil: blur takes every stride-th element, there is no last window");
}

// With padding excluded, a maximum at stride 1 followed by a blur has the size that max pooling
// would have.
static enum status build(struct tape *tape, const struct pool *pool, struct tensor *x,
                         struct tensor **y)
{
    static const double no_args[POOL_ARGS_BYTES / sizeof(double)];
    const struct own_args *args = (const struct own_args *)(const void *)pool->args;
    const struct window *window = &pool->window;
    struct blur_args own = {(int)args->filter, window->stride_h, window->stride_w};
    if (!args->pre_max) return blur(tape, x, &own, y);
    struct pool_op_args max_args = {
        .def = pool_find("max"), .window = *window, .site = pool->index, .args = no_args};
    max_args.window.stride_h = max_args.window.stride_w = 1;
    struct tensor *maximum = NULL;
    if (!max_args.def) return fail(ERR_UNSUPPORTED, "blur needs max pooling");
    TRY(pool_op(tape, x, 0, NULL, &max_args, &maximum));
    TRY(blur(tape, maximum, &own, y));
    tape_drop(tape, maximum);
    return OK;
}

const struct pool_def pool_blur = {
    .name = "blur",
    .summary = "maximum at stride 1, then a binomial filter before every second element is taken "
               "(BlurPool, MaxBlurPool)",
    .formula = "m = max of the window at stride 1\n"
               "y = every stride-th element of (b b') * m,  b = [1 3 3 1] / 8, reflected at the "
               "border",
    .cost = "a maximum at full size and a filter of two passes; one map more in memory",
    .paper = "Zhang, ICML 2019, arXiv 1904.11486",
    .sites = 1u << POOL_STEM | 1u << POOL_DOWNSAMPLE,
    .sites_refusal = "it filters what a stride then leaves out; the whole map has no stride",
    .default_kernel = 2,
    .default_stride = 2,
    .default_padding = 0,
    .fields = fields,
    .args_bytes = sizeof(struct own_args),
    .check = check,
    .gradient_ignores_x = true,
    .build = build,
};
