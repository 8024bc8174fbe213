#include "backbone/pool/s3.h"

#include "backbone/pool/dispatch.h"

POOL_KERNELS(s3)

static const struct field fields[] = {
    {.name = "grid",
     .type = FIELD_INT,
     .offset = offsetof(struct s3_args, grid),
     .initial = "4",
     .min = 1,
     .max = S3_MAX_GRID,
     .help = "rows and columns of a strip; a multiple of the stride; displaces features by up to "
             "grid - stride"},
    {.name = "eval",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct s3_args, eval),
     .initial = "avg",
     .choices = "avg|expected|sample",
     .help = "in inference: the authors' average of kernel x kernel, the exact mean of all draws, "
             "or draws as in training"},
    {.name = "eval_samples",
     .type = FIELD_INT,
     .offset = offsetof(struct s3_args, samples),
     .initial = "1",
     .min = 1,
     .max = S3_MAX_SAMPLES,
     .help = "draws that eval=sample averages"},
    {.name = "pre_max",
     .type = FIELD_BOOL,
     .offset = offsetof(struct s3_args, pre_max),
     .initial = "true",
     .help = "the maximum before the draw; without it elements of the map itself are drawn"},
    {.name = "seed",
     .type = FIELD_INT,
     .offset = offsetof(struct s3_args, seed),
     .initial = "123",
     .min = 0,
     .max = 2147483647,
     .help = "of its draws, beside train.seed"},
    {0},
};

static enum status check(const struct pool *pool)
{
    const struct s3_args *args = (const struct s3_args *)pool->args;
    int stride = pool->window.stride_h;
    if (args->grid % stride == 0) return OK;
    return fail(ERR_USAGE, "grid: %d is no multiple of the stride, %d", (int)args->grid, stride);
}

const struct pool_def pool_s3 = {
    .name = "s3",
    .summary = "maxima at stride 1, of which rows and columns are drawn",
    .formula = "M = max of kxk at stride 1;  training: y = M[rows][cols], stride-th parts of each "
               "strip's rows and columns drawn;  inference: averages of M",
    .cost = "k^2 comparisons an output; in inference k^4 (avg)",
    .paper = "Zhai et al., CVPR 2017, arXiv 1611.05138",
    .sites = 1u << POOL_STEM | 1u << POOL_DOWNSAMPLE,
    .sites_refusal = "it draws rows and columns of a map that stays a map",
    .default_kernel = 2,
    .default_stride = 2,
    .default_padding = 0,
    .fields = fields,
    .args_bytes = sizeof(struct s3_args),
    .check = check,
    .cpu_forward = forward,
    .cpu_backward = backward,
};
