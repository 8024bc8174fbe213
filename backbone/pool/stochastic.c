#include "backbone/pool/stochastic.h"

#include "backbone/pool/dispatch.h"

POOL_KERNELS(stochastic)

static const struct field fields[] = {
    {.name = "eval",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct stochastic_args, eval),
     .initial = "prob",
     .choices = "prob|sample",
     .help = "in inference: the average weighted by the probabilities, or a draw as in training"},
    {.name = "seed",
     .type = FIELD_INT,
     .offset = offsetof(struct stochastic_args, seed),
     .initial = "0",
     .min = 0,
     .max = 2147483647,
     .help = "of its draws, beside train.seed"},
    {0},
};

const struct pool_def pool_stochastic = {
    .name = "stochastic",
    .summary = "an element drawn with a probability as large as itself; in inference their mean",
    .formula = "training: y = a_i with probability p_i;  inference: y = sum_i p_i a_i;  "
               "p_i = a_i / sum_j a_j",
    .cost = "in training ten rounds of Philox for four outputs, again in the gradient",
    .paper = "Zeiler, Fergus, ICLR 2013, arXiv 1301.3557",
    .sites = 1u << POOL_STEM | 1u << POOL_DOWNSAMPLE | 1u << POOL_GLOBAL,
    .default_kernel = 2,
    .default_stride = 2,
    .default_padding = 0,
    .fields = fields,
    .args_bytes = sizeof(struct stochastic_args),
    .cpu_forward = forward,
    .cpu_backward = backward,
};
