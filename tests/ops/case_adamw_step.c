#include <math.h>

#include "tests/ops/case.h"

// Inputs: values, grads, first, second, norm_squared. The second moment is positive.
#define FLAT(n)                                                                                    \
    {                                                                                              \
        .rank = 1, .shape = { n }                                                                  \
    }
#define POSITIVE(n)                                                                                \
    {                                                                                              \
        .rank = 1, .shape = {n}, .low = 0.01f, .high = 1.0f                                        \
    }
#define IN(n)                                                                                      \
    {                                                                                              \
        FLAT(n), FLAT(n), FLAT(n), POSITIVE(n)                                                     \
    }
#define CLIPPED(n, squared)                                                                        \
    {                                                                                              \
        FLAT(n), FLAT(n), FLAT(n), POSITIVE(n),                                                    \
        {                                                                                          \
            .rank = 1, .shape = {1}, .low = squared, .high = squared                               \
        }                                                                                          \
    }
#define ARGS(...)                                                                                  \
    &(const struct adamw_args)                                                                     \
    {                                                                                              \
        .beta1 = 0.9f, .beta2 = 0.999f, .eps = 1e-8f, __VA_ARGS__                                  \
    }

static const struct op_case cases[] = {
    {.name = "one value", .args = ARGS(.lr = 0.1f, .step = 2), .in = IN(1)},
    {.name = "late", .args = ARGS(.lr = 0.1f, .step = 100000), .in = IN(17)},
    {.name = "decay", .args = ARGS(.lr = 0.1f, .weight_decay = 0.05f, .step = 7), .in = IN(40000)},
    {.name = "first step", .args = ARGS(.lr = 0.1f, .step = 1), .in = IN(300)},
    {.name = "clipped", .args = ARGS(.lr = 0.1f, .max_norm = 0.5f, .step = 3),
     .in = CLIPPED(300, 9.0f)},
    {.name = "not clipped", .args = ARGS(.lr = 0.1f, .max_norm = 5.0f, .step = 3),
     .in = CLIPPED(300, 9.0f)},
};

static const struct op_refusal refusals[] = {
    {"another length", ARGS(.step = 1), {FLAT(3), FLAT(4), FLAT(3), FLAT(3)}, ERR_USAGE, "grads"},
    {"a short moment", ARGS(.step = 1), {FLAT(3), FLAT(3), FLAT(3), FLAT(2)}, ERR_USAGE, "second"},
    {"step 0", ARGS(.step = 0), {FLAT(3), FLAT(3), FLAT(3), FLAT(3)}, ERR_USAGE, "count from 1"},
};

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    return adamw_step(tape, in[0], in[1], in[2], in[3], in[4], (const struct adamw_args *)args);
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    (void)out;
    const struct adamw_args *args = (const struct adamw_args *)c->args;
    double clip = 1.0, beta1 = (double)args->beta1, beta2 = (double)args->beta2;
    double lr = (double)args->lr, step = (double)args->step;
    if (in[4].rank) clip = fmin(1.0, (double)args->max_norm / (sqrt(in[4].v[0]) + 1e-6));
    for (size_t i = 0; i < ref_count(&in[0]); i++) {
        double g = clip * in[1].v[i], *w = &in[0].v[i];
        double m = (args->step == 1 ? 0.0 : beta1 * in[2].v[i]) + (1.0 - beta1) * g;
        double v = (args->step == 1 ? 0.0 : beta2 * in[3].v[i]) + (1.0 - beta2) * g * g;
        in[2].v[i] = m;
        in[3].v[i] = v;
        *w -= lr * (double)args->weight_decay * *w;
        *w -= lr * (m / (1.0 - pow(beta1, step))) /
              (sqrt(v / (1.0 - pow(beta2, step))) + (double)args->eps);
    }
}

const struct op_cases cases_adamw_step = {
    CASES(cases), REFUSALS(refusals), .in_place = 1 | 4 | 8, .run = run, .reference = reference,
};
