#include "backbone/pool/dispatch.h"

POOL_KERNELS(max)

// The maximum's place in the window as one byte; windows of more than 256 elements need four.
static int saved(const void *args, enum dtype dtypes[POOL_MAX_SAVED])
{
    (void)args;
    dtypes[0] = DTYPE_U8;
    return 1;
}

const struct pool_def pool_max = {
    .name = "max",
    .summary = "maximum of the window",
    .formula = "y = max_i a_i",
    .cost = "one comparison an element; one byte an output for the gradient",
    .paper = "Ranzato et al., CVPR 2007",
    .sites = 1u << POOL_STEM | 1u << POOL_DOWNSAMPLE | 1u << POOL_GLOBAL,
    .default_kernel = 3,
    .default_stride = 2,
    .default_padding = 1,
    .saved = saved,
    .cpu_forward = forward,
    .cpu_backward = backward,
    .gradient_ignores_x = true,
};
