#include "backbone/pool/avg.h"

#include "backbone/pool/dispatch.h"

POOL_KERNELS(avg)

static const struct field fields[] = {
    {.name = "count_include_pad",
     .type = FIELD_BOOL,
     .offset = offsetof(struct avg_args, count_include_pad),
     .initial = "false",
     .help = "divide by the padding too, as PyTorch does by default"},
    {0},
};

const struct pool_def pool_avg = {
    .name = "avg",
    .summary = "average of the window",
    .formula = "y = (1/n) sum_i a_i",
    .cost = "one addition an element",
    .paper = "LeCun et al., NIPS 1989",
    .sites = 1u << POOL_STEM | 1u << POOL_DOWNSAMPLE | 1u << POOL_GLOBAL,
    .default_kernel = 3,
    .default_stride = 2,
    .default_padding = 1,
    .fields = fields,
    .args_bytes = sizeof(struct avg_args),
    .cpu_forward = forward,
    .cpu_backward = backward,
    .gradient_ignores_x = true,
};
