#include <math.h>

#include "base/rng.h"
#include "nn/ops_rcnn.h"
#include "tests/ops/case.h"

// Inputs: logits, labels, count.
struct own_args {
    int count;
    struct softmax_loss_args op;
};
#define IN(n, k, limit)                                                                            \
    {                                                                                              \
        {.rank = 2, .shape = {n, k}, .low = -(limit), .high = limit},                              \
            {.dtype = DTYPE_I32, .rank = 1, .shape = {n}},                                         \
        {                                                                                          \
            .dtype = DTYPE_I32, .rank = 1, .shape = { 1 }                                          \
        }                                                                                          \
    }
#define COUNT(n)                                                                                   \
    &(const struct own_args)                                                                       \
    {                                                                                              \
        .count = n                                                                                 \
    }
#define SMOOTHED(n, e)                                                                             \
    &(const struct own_args)                                                                       \
    {                                                                                              \
        .count = n, .op = {.smoothing = e}                                                         \
    }

static const struct op_case cases[] = {
    {.name = "1 row of 1", .args = COUNT(1), .in = IN(1, 1, 3.0f)},
    {.name = "1 row", .args = COUNT(1), .in = IN(1, 3, 3.0f)},
    {.name = "many rows", .args = COUNT(70), .in = IN(70, 91, 6.0f)},
    {.name = "large logits", .args = COUNT(20), .in = IN(20, 7, 900.0f)},
    {.name = "fewer than there is room for", .args = COUNT(13), .in = IN(40, 5, 3.0f)},
    {.name = "none", .args = COUNT(0), .in = IN(6, 5, 3.0f)},
    {.name = "smoothed", .args = SMOOTHED(30, 0.1f), .in = IN(30, 10, 3.0f)},
    {.name = "smoothed, 1 class", .args = SMOOTHED(2, 0.5f), .in = IN(2, 1, 3.0f)},
    {.name = "all smoothed", .args = SMOOTHED(9, 1.0f), .in = IN(12, 4, 3.0f)},
};

static const struct op_refusal refusals[] = {
    {"labels of other rows",
     COUNT(1),
     {{.rank = 2, .shape = {4, 3}},
      {.dtype = DTYPE_I32, .rank = 1, .shape = {5}},
      {.dtype = DTYPE_I32, .rank = 1, .shape = {1}}},
     ERR_USAGE,
     "labels"},
    {"smoothing above 1",
     SMOOTHED(4, 1.5f),
     {{.rank = 2, .shape = {4, 3}},
      {.dtype = DTYPE_I32, .rank = 1, .shape = {4}},
      {.dtype = DTYPE_I32, .rank = 1, .shape = {1}}},
     ERR_USAGE,
     "smoothing"},
};

static void prepare(const struct op_case *c, int input, void *data)
{
    struct rng rng;
    rng_start(&rng, 24, RNG_TEST, 0);
    for (int64_t i = 0; input == 1 && i < c->in[1].shape[0]; i++)
        ((int32_t *)data)[i] = (int32_t)rng_below(&rng, (uint32_t)c->in[0].shape[1]);
    if (input == 2) *(int32_t *)data = ((const struct own_args *)c->args)->count;
}

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    struct tensor *loss;
    return softmax_loss(tape, in[0], in[1], in[2], &((const struct own_args *)args)->op, &loss);
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    const int64_t one = 1;
    const struct own_args *args = (const struct own_args *)c->args;
    double e = (double)args->op.smoothing;
    int64_t n = args->count, n_classes = in[0].shape[1];
    ref_shape(&out[0], 1, &one);
    for (int64_t i = 0; i < n; i++) {
        const double *x = in[0].v + i * n_classes, own = x[(int64_t)in[1].v[i]];
        double sum = 0.0, largest = own, target = 0.0;
        for (int64_t k = 0; k < n_classes; k++) largest = fmax(largest, x[k]);
        for (int64_t k = 0; k < n_classes; k++) sum += exp(x[k] - largest);
        for (int64_t k = 0; k < n_classes; k++)
            target += x[k] * (e / (double)n_classes + (k == (int64_t)in[1].v[i] ? 1.0 - e : 0.0));
        out[0].v[0] += (log(sum) + largest - target) / (double)n;
    }
}

const struct op_cases cases_softmax_loss = {
    CASES(cases), REFUSALS(refusals),     .differentiable = 1, .gradient_tolerance = 2e-5,
    .run = run,   .reference = reference, .prepare = prepare,
};
