#include "backbone/pool/avg.h"
#include "backbone/pool/dispatch.h"

POOL_KERNELS(avg)

const struct pool_def pool_sum = {
    .name = "sum",
    .summary = "sum of the window",
    .formula = "y = sum_i a_i",
    .cost = "one addition an element",
    .paper = "the un-normalised average of the SoftPool paper's tables 1 and 3",
    .sites = 1u << POOL_STEM | 1u << POOL_DOWNSAMPLE | 1u << POOL_GLOBAL,
    .default_kernel = 2,
    .default_stride = 2,
    .default_padding = 0,
    .args_bytes = sizeof(struct avg_args),
    .form = AVG_SUM,
    .cpu_forward = forward,
    .cpu_backward = backward,
    .gradient_ignores_x = true,
};
