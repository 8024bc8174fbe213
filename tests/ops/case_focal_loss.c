#include <math.h>

#include "base/rng.h"
#include "tests/ops/case.h"

// Inputs: logits, matched, gt_labels, n_positive.
#define IN(n, h, w, a, k, all, g)                                                                  \
    {                                                                                              \
        {.rank = 4, .shape = {n, h, w, (a) * (k)}, .low = -6.0f, .high = 4.0f},                    \
            {.dtype = DTYPE_I32, .rank = 2, .shape = {n, all}},                                    \
            {.dtype = DTYPE_I32, .rank = 2, .shape = {n, g}},                                      \
            {.dtype = DTYPE_I32, .rank = 1, .shape = {n}},                                         \
    }
// One number instead of n_positive.
#define DIVIDED(n, h, w, a, k, all, g)                                                             \
    {                                                                                              \
        {.rank = 4, .shape = {n, h, w, (a) * (k)}, .low = -6.0f, .high = 4.0f},                    \
            {.dtype = DTYPE_I32, .rank = 2, .shape = {n, all}},                                    \
            {.dtype = DTYPE_I32, .rank = 2, .shape = {n, g}},                                      \
            {.rank = 1, .shape = {1}, .low = 60.0f, .high = 90.0f},                                \
    }
#define ARGS(at, k, al, ga)                                                                        \
    &(const struct focal_loss_args)                                                                \
    {                                                                                              \
        .offset = at, .n_classes = k, .alpha = al, .gamma = ga                                     \
    }

static const struct op_case cases[] = {
    {.name = "1 anchor 1 class", .args = ARGS(0, 1, 0.25f, 2.0f), .in = IN(1, 1, 1, 1, 1, 1, 1)},
    {.name = "coco's classes", .args = ARGS(0, 91, 0.25f, 2.0f), .in = IN(2, 3, 5, 9, 91, 135, 7)},
    {.name = "a later level", .args = ARGS(40, 4, 0.25f, 2.0f), .in = IN(2, 3, 3, 3, 4, 80, 5)},
    {.name = "several chunks", .args = ARGS(0, 3, 0.25f, 2.0f), .in = IN(2, 10, 13, 9, 3, 1170, 5)},
    {.name = "other alpha and gamma",
     .args = ARGS(0, 17, 0.6f, 1.5f),
     .in = IN(2, 3, 4, 3, 17, 36, 5)},
    {.name = "gamma 0", .args = ARGS(0, 5, 0.25f, 0.0f), .in = IN(1, 3, 4, 3, 5, 36, 5)},
    {.name = "no alpha", .args = ARGS(0, 5, -1.0f, 2.0f), .in = IN(1, 3, 4, 3, 5, 36, 5)},
    {.name = "five images", .args = ARGS(2, 2, 0.25f, 2.0f), .in = IN(5, 2, 2, 1, 2, 7, 3)},
    {.name = "one divisor",
     .args = ARGS(0, 4, 0.25f, 2.0f),
     .in = DIVIDED(2, 3, 5, 9, 4, 135, 7),
     .whole_batch = true},
};

static const struct op_refusal refusals[] = {
    {"channels are no multiple of the classes", ARGS(0, 4, 0.25f, 2.0f), IN(1, 2, 2, 3, 3, 12, 1),
     ERR_USAGE, "focal_loss"},
    {"level behind the last anchor", ARGS(1, 3, 0.25f, 2.0f), IN(1, 2, 2, 3, 3, 12, 1), ERR_USAGE,
     "focal_loss"},
};

// Seven of ten anchors are background, one is ignored, two are positive.
static void prepare(const struct op_case *c, int input, void *data)
{
    int32_t *values = (int32_t *)data;
    const int64_t *shape = c->in[input].shape;
    const struct focal_loss_args *args = (const struct focal_loss_args *)c->args;
    struct rng rng;
    rng_start(&rng, 3, RNG_TEST, (uint32_t)input);
    if (input == 1)
        for (int64_t i = 0; i < shape[0] * shape[1]; i++) {
            uint32_t kind = rng_below(&rng, 10);
            int32_t object = (int32_t)rng_below(&rng, (uint32_t)c->in[2].shape[1]);
            values[i] = kind < 7 ? MATCH_NONE : kind == 7 ? MATCH_IGNORED : object;
        }
    if (input == 2)
        for (int64_t i = 0; i < shape[0] * shape[1]; i++)
            values[i] = (int32_t)rng_below(&rng, (uint32_t)args->n_classes);
    if (input == 3 && c->in[3].dtype == DTYPE_I32)
        for (int64_t i = 0; i < shape[0]; i++) values[i] = (int32_t)(3 * i); // 0: divided by 1
}

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    struct tensor *loss;
    return focal_loss(tape, in[0], in[1], in[2], in[3], (const struct focal_loss_args *)args,
                      &loss);
}

// Equation 5 as it stands.
static double focal(double x, bool is_target, double alpha, double gamma)
{
    double p = 1.0 / (1.0 + exp(-x)), p_t = is_target ? p : 1.0 - p;
    double alpha_t = alpha < 0.0 ? 1.0 : is_target ? alpha : 1.0 - alpha;
    return -alpha_t * pow(1.0 - p_t, gamma) * log(p_t);
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    const struct focal_loss_args *args = (const struct focal_loss_args *)c->args;
    const int64_t *shape = in[0].shape, one = 1;
    int64_t n = shape[0], k = args->n_classes, n_anchors = shape[1] * shape[2] * shape[3] / k;
    ref_shape(&out[0], 1, &one);
    for (int64_t image = 0; image < n; image++) {
        double sum = 0.0, divisor = in[3].v[0];
        if (c->in[3].dtype == DTYPE_I32) divisor = fmax(in[3].v[image], 1.0) * (double)n;
        for (int64_t a = 0; a < n_anchors; a++) {
            int match = (int)in[1].v[image * in[1].shape[1] + args->offset + a];
            if (match == MATCH_IGNORED) continue;
            double label = match >= 0 ? in[2].v[image * in[2].shape[1] + match] : -1.0;
            for (int64_t i = 0; i < k; i++)
                sum += focal(in[0].v[(image * n_anchors + a) * k + i], label == (double)i,
                             (double)args->alpha, (double)args->gamma);
        }
        out[0].v[0] += sum / divisor;
    }
}

const struct op_cases cases_focal_loss = {
    CASES(cases),  REFUSALS(refusals), .differentiable = 1,    .batched_in = 15,
    .mean_out = 1, .run = run,         .reference = reference, .prepare = prepare,
};
