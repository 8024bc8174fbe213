#include <math.h>

#include "tests/ops/case.h"

#define IN(rank_, ...)                                                                             \
    {                                                                                              \
        {                                                                                          \
            .rank = rank_, .shape = { __VA_ARGS__ }                                                \
        }                                                                                          \
    }

static const struct limit_args range = {-0.25f, 0.5f, false, {0}};
static const struct limit_args one_value = {0.5f, 0.5f, false, {0}};
static const struct limit_args simplex = {0.0f, 0.0f, true, {0}};
static const struct limit_args no_range = {1.0f, 0.0f, false, {0}};

static const struct op_case cases[] = {
    {.name = "range", .args = &range, .in = IN(1, 1000)},
    {.name = "range of one value", .args = &one_value, .in = IN(2, 3, 5)},
    {.name = "one set", .args = &simplex, .in = IN(1, 7)},
    {.name = "one value a set", .args = &simplex, .in = IN(2, 1, 9)},
    {.name = "sets", .args = &simplex, .in = IN(2, 4, 300)},
    {.name = "many values a set", .args = &simplex, .in = IN(2, 300, 3)},
};

static const struct op_refusal refusals[] = {
    {"an empty range", &no_range, IN(1, 4), ERR_USAGE, "nothing between 1 and 0"},
    {"three axes", &simplex, IN(3, 2, 2, 2), ERR_USAGE, "rank 3"},
    {"integers", &simplex, {{.dtype = DTYPE_I32, .rank = 1, .shape = {4}}}, ERR_USAGE,
     "limit_values"},
};

// Every third set has nothing that is positive.
static void prepare(const struct op_case *c, int input, void *data)
{
    const struct case_input *in = &c->in[input];
    int64_t n_sets = in->rank > 1 ? in->shape[1] : 1;
    if (c->args != &simplex || in->rank < 2) return;
    for (int64_t i = 0; i < in->shape[0]; i++)
        for (int64_t set = 0; set < n_sets; set += 3)
            ((float *)data)[i * n_sets + set] = i % 2 ? 0.0f : -1.0f;
}

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    return limit_values(tape, in[0], (const struct limit_args *)args);
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    (void)out;
    const struct limit_args *args = (const struct limit_args *)c->args;
    size_t n = (size_t)in->shape[0], n_sets = ref_count(in) / n;
    for (size_t i = 0; !args->simplex && i < ref_count(in); i++)
        in->v[i] = fmin(fmax(in->v[i], (double)args->low), (double)args->high);
    for (size_t set = 0; args->simplex && set < n_sets; set++) {
        double sum = 0.0;
        for (size_t i = 0; i < n; i++) sum += fmax(in->v[i * n_sets + set], 0.0);
        for (size_t i = 0; i < n; i++) {
            double *v = &in->v[i * n_sets + set];
            *v = sum > 0.0 ? fmax(*v, 0.0) / sum : 1.0 / (double)n;
        }
    }
}

const struct op_cases cases_limit_values = {
    CASES(cases), REFUSALS(refusals), .in_place = 1, .tolerance = 1e-7,
    .run = run,   .reference = reference, .prepare = prepare,
};
