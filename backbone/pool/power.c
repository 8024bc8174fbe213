#include "backbone/pool/dispatch.h"
#include "backbone/pool/lp.h"

// The kernels of the learned norm, with a fixed p and without 1/n.
POOL_KERNELS(lp)

static const struct field fields[] = {
    {.name = "p",
     .type = FIELD_FLOAT,
     .offset = offsetof(struct lp_args, p),
     .initial = "2",
     .min = 1.0,
     .max = 100.0,
     .help = "1 is the sum of sizes, large values approach the maximum; the paper names none"},
    {0},
};

const struct pool_def pool_power = {
    .name = "power",
    .summary = "power average without its divisor, p fixed",
    .formula = "y = (sum_i |a_i|^p)^(1/p)",
    .cost = "a logarithm and an exponential an element, again in the gradient with one more",
    .paper = "as in tables 1 and 3 of the SoftPool paper, arXiv 2101.00440",
    .sites = 1u << POOL_STEM | 1u << POOL_DOWNSAMPLE | 1u << POOL_GLOBAL,
    .default_kernel = 2,
    .default_stride = 2,
    .default_padding = 0,
    .fields = fields,
    .args_bytes = sizeof(struct lp_args),
    .cpu_forward = forward,
    .cpu_backward = backward,
};
