#include "nn/ops_map.h"
#include "tests/ops/case.h"

#define W(n, c)                                                                                    \
    {                                                                                              \
        {                                                                                          \
            .rank = 2, .shape = { n, c }                                                           \
        }                                                                                          \
    }
#define FACTOR(x) &(const struct unit_sum_loss_args){x}

static const struct op_case cases[] = {
    {.name = "one weight", .args = FACTOR(1.0f), .in = W(1, 1)},
    {.name = "7x7 of 64", .args = FACTOR(0.1f), .in = W(49, 64)},
    {.name = "many channels", .args = FACTOR(2.0f), .in = W(9, 517)},
    {.name = "no factor", .args = FACTOR(0.0f), .in = W(4, 3)},
};

static const struct op_refusal refusals[] = {
    {"a vector", FACTOR(1.0f), {{.rank = 1, .shape = {4}}}, ERR_USAGE, "rank 2"},
};

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    struct tensor *loss;
    return unit_sum_loss(tape, in[0], (const struct unit_sum_loss_args *)args, &loss);
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    const struct unit_sum_loss_args *args = (const struct unit_sum_loss_args *)c->args;
    const int64_t one = 1;
    ref_shape(&out[0], 1, &one);
    for (int64_t k = 0; k < in[0].shape[1]; k++) {
        double sum = 0.0;
        for (int64_t i = 0; i < in[0].shape[0]; i++) sum += in[0].v[i * in[0].shape[1] + k];
        out[0].v[0] += (double)args->factor * (sum - 1.0) * (sum - 1.0);
    }
}

const struct op_cases cases_unit_sum_loss = {
    CASES(cases), REFUSALS(refusals), .differentiable = 1, .run = run, .reference = reference,
};
