#include <math.h>

#include "tests/ops/case.h"

// Inputs: values, grads, velocity, norm_squared.
#define FLAT(n)                                                                                    \
    {                                                                                              \
        .rank = 1, .shape = { n }                                                                  \
    }
#define IN(n)                                                                                      \
    {                                                                                              \
        FLAT(n), FLAT(n), FLAT(n)                                                                  \
    }
#define CLIPPED(n, squared)                                                                        \
    {                                                                                              \
        FLAT(n), FLAT(n), FLAT(n),                                                                 \
        {                                                                                          \
            .rank = 1, .shape = {1}, .low = squared, .high = squared                               \
        }                                                                                          \
    }
#define ARGS(...)                                                                                  \
    &(const struct sgd_args)                                                                       \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static const struct op_case cases[] = {
    {.name = "plain", .args = ARGS(.lr = 0.1f), .in = IN(1)},
    {.name = "momentum", .args = ARGS(.lr = 0.1f, .momentum = 0.9f), .in = IN(17)},
    {.name = "decay",
     .args = ARGS(.lr = 0.1f, .momentum = 0.9f, .weight_decay = 1e-2f),
     .in = IN(5000)},
    {.name = "first step",
     .args = ARGS(.lr = 0.1f, .momentum = 0.9f, .weight_decay = 1e-2f, .first_step = true),
     .in = IN(300)},
    {.name = "nesterov",
     .args = ARGS(.lr = 0.1f, .momentum = 0.9f, .weight_decay = 1e-2f, .nesterov = true),
     .in = IN(300)},
    {.name = "clipped",
     .args = ARGS(.lr = 0.1f, .momentum = 0.9f, .max_norm = 0.5f),
     .in = CLIPPED(300, 9.0f)},
    {.name = "not clipped",
     .args = ARGS(.lr = 0.1f, .momentum = 0.9f, .max_norm = 5.0f),
     .in = CLIPPED(300, 9.0f)},
};

static const struct op_refusal refusals[] = {
    {"another length", ARGS(.lr = 0.1f), {FLAT(3), FLAT(4), FLAT(3)}, ERR_USAGE, "sgd_step"},
};

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    return sgd_step(tape, in[0], in[1], in[2], in[3], (const struct sgd_args *)args);
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    (void)out;
    const struct sgd_args *args = (const struct sgd_args *)c->args;
    double clip = 1.0, momentum = (double)args->momentum;
    if (in[3].rank) clip = fmin(1.0, (double)args->max_norm / (sqrt(in[3].v[0]) + 1e-6));
    for (size_t i = 0; i < ref_count(&in[0]); i++) {
        double g = clip * in[1].v[i] + (double)args->weight_decay * in[0].v[i];
        double v = args->first_step ? g : momentum * in[2].v[i] + g;
        in[2].v[i] = v;
        in[0].v[i] -= (double)args->lr * (args->nesterov ? g + momentum * v : v);
    }
}

const struct op_cases cases_sgd_step = {
    CASES(cases), REFUSALS(refusals), .in_place = 1 | 4, .run = run, .reference = reference,
};
