#include "backbone/pool/soft.h"

#include "backbone/pool/dispatch.h"

POOL_KERNELS(soft)

static const struct field fields[] = {
    {.name = "beta",
     .type = FIELD_FLOAT,
     .offset = offsetof(struct soft_args, beta),
     .initial = "1",
     .min = 0.0,
     .max = 1e4,
     .help =
         "inverse temperature: 0 averages, 1 is the paper's, large values approach the maximum"},
    {.name = "grad",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct soft_args, grad),
     .initial = "exact",
     .choices = "exact|detached",
     .help = "the derivative of the formula, or the weights alone, as in the paper's text and the "
             "authors' code"},
    {0},
};

const struct pool_def pool_soft = {
    .name = "soft",
    .summary = "average weighted by the softmax of the window (SoftPool)",
    .formula = "y = sum_i w_i a_i,  w_i = exp(beta a_i) / sum_j exp(beta a_j)",
    .cost = "one exponential an element, again in the gradient",
    .paper = "Stergiou, Poppe, Kalliatakis, ICCV 2021, arXiv 2101.00440",
    .sites = 1u << POOL_STEM | 1u << POOL_DOWNSAMPLE | 1u << POOL_GLOBAL,
    .default_kernel = 2,
    .default_stride = 2,
    .default_padding = 0,
    .fields = fields,
    .args_bytes = sizeof(struct soft_args),
    .cpu_forward = forward,
    .cpu_backward = backward,
};
