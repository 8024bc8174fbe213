#include <math.h>

#include "tests/ops/case.h"

// Inputs: state, n_positive.
#define IN(n)                                                                                      \
    {                                                                                              \
        {.rank = 1, .shape = {1}, .low = 50.0f, .high = 200.0f},                                   \
        {                                                                                          \
            .dtype = DTYPE_I32, .rank = 1, .shape = {n}                                            \
        }                                                                                          \
    }

static const struct track_positives_args slow = {0.9f}, fast = {0.25f};

static const struct op_case cases[] = {
    {.name = "one image", .args = &slow, .in = IN(1), .training = true},
    {.name = "five images", .args = &fast, .in = IN(5), .training = true},
    {.name = "not in training", .args = &slow, .in = IN(3)},
};

static const struct op_refusal refusals[] = {
    {"a state for each image",
     &slow,
     {{.rank = 1, .shape = {2}}, {.dtype = DTYPE_I32, .rank = 1, .shape = {2}}},
     ERR_USAGE,
     "track_positives"},
};

// No positive anchor in a batch of one, 70 in one of five.
static void prepare(const struct op_case *c, int input, void *data)
{
    for (int64_t i = 0; input == 1 && i < c->in[1].shape[0]; i++)
        ((int32_t *)data)[i] = (int32_t)(7 * i);
}

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    return track_positives(tape, in[0], in[1], (const struct track_positives_args *)args);
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    (void)out;
    double momentum = (double)((const struct track_positives_args *)c->args)->momentum, sum = 0.0;
    for (size_t i = 0; i < ref_count(&in[1]); i++) sum += in[1].v[i];
    if (c->training) in[0].v[0] = momentum * in[0].v[0] + (1.0 - momentum) * fmax(sum, 1.0);
}

const struct op_cases cases_track_positives = {
    CASES(cases), REFUSALS(refusals), .in_place = 1,
    .run = run,   .reference = reference, .prepare = prepare,
};
