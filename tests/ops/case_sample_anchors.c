#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "nn/ops_rcnn.h"
#include "tests/ops/case.h"

// Inputs: matched, given. Images are drawn one after another: element = image * anchors + anchor.
struct sample_case {
    struct sample_anchors_args args;
    uint32_t positive, ignored; // anchors of 100
};

#define IN(n, all)                                                                                 \
    {                                                                                              \
        {                                                                                          \
            .dtype = DTYPE_I32, .rank = 2, .shape = { n, all }                                     \
        }                                                                                          \
    }
#define GIVEN(n, all)                                                                              \
    {                                                                                              \
        {.dtype = DTYPE_I32, .rank = 2, .shape = {n, all}},                                        \
        {                                                                                          \
            .dtype = DTYPE_U8, .rank = 2, .shape = { n, all }                                      \
        }                                                                                          \
    }
#define ARGS(n, fraction, positives, ignoreds)                                                     \
    &(const struct sample_case)                                                                    \
    {                                                                                              \
        {.n_samples = n, .positive_fraction = fraction}, positives, ignoreds                       \
    }

static const struct op_case cases[] = {
    {.name = "1 anchor", .args = ARGS(4, 0.5f, 100, 0), .in = IN(1, 1), .whole_batch = true},
    {.name = "few positives",
     .args = ARGS(256, 0.5f, 1, 10),
     .in = IN(2, 3000),
     .whole_batch = true},
    {.name = "many positives",
     .args = ARGS(256, 0.5f, 40, 10),
     .in = IN(3, 3000),
     .whole_batch = true},
    {.name = "no positives", .args = ARGS(64, 0.5f, 0, 10), .in = IN(2, 1000), .whole_batch = true},
    {.name = "no negatives",
     .args = ARGS(64, 0.5f, 100, 0),
     .in = IN(2, 1000),
     .whole_batch = true},
    {.name = "all ignored", .args = ARGS(64, 0.5f, 0, 100), .in = IN(2, 100), .whole_batch = true},
    {.name = "more than there are",
     .args = ARGS(500, 0.5f, 20, 20),
     .in = IN(2, 70),
     .whole_batch = true},
    {.name = "a quarter", .args = ARGS(50, 0.25f, 50, 0), .in = IN(2, 1000), .whole_batch = true},
    {.name = "none positive wanted",
     .args = ARGS(50, 0.0f, 50, 0),
     .in = IN(2, 1000),
     .whole_batch = true},
    {.name = "given", .args = ARGS(50, 0.5f, 50, 0), .in = GIVEN(2, 300), .whole_batch = true},
};

static const struct op_refusal refusals[] = {
    {"no samples", ARGS(0, 0.5f, 0, 0), IN(1, 5), ERR_USAGE, "sample_anchors"},
    {"fraction above 1", ARGS(4, 1.5f, 0, 0), IN(1, 5), ERR_USAGE, "sample_anchors"},
    {"given for other anchors",
     ARGS(4, 0.5f, 0, 0),
     {{.dtype = DTYPE_I32, .rank = 2, .shape = {1, 5}},
      {.dtype = DTYPE_U8, .rank = 2, .shape = {1, 6}}},
     ERR_USAGE,
     "given"},
};

static void prepare(const struct op_case *c, int input, void *data)
{
    const struct sample_case *own = (const struct sample_case *)c->args;
    int64_t n = c->in[0].shape[0] * c->in[0].shape[1];
    struct rng rng;
    rng_start(&rng, 21, RNG_TEST, (uint32_t)input);
    for (int64_t i = 0; i < n; i++) {
        uint32_t kind = rng_below(&rng, 100);
        if (input == 1)
            ((uint8_t *)data)[i] = (uint8_t)(kind % 3);
        else
            ((int32_t *)data)[i] = kind < own->positive                  ? (int32_t)(kind % 7)
                                   : kind < own->positive + own->ignored ? MATCH_IGNORED
                                                                         : MATCH_NONE;
    }
}

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    struct tensor *sampled, *n_sampled;
    return sample_anchors(tape, in[0], in[1], &((const struct sample_case *)args)->args, &sampled,
                          &n_sampled);
}

struct drawn {
    uint32_t key;
    int64_t index;
};

static int by_key(const void *a, const void *b)
{
    const struct drawn *x = (const struct drawn *)a, *y = (const struct drawn *)b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

// Sorts all anchors of a kind by their keys and marks the first n.
static int64_t mark(const double *matched, int64_t n_anchors, int64_t image, bool positive,
                    int64_t n, double value, double *sampled)
{
    struct drawn *all = (struct drawn *)mem_alloc((size_t)n_anchors, sizeof *all);
    int64_t found = 0;
    for (int64_t i = 0; i < n_anchors; i++) {
        if (positive ? matched[i] < 0.0 : matched[i] != (double)MATCH_NONE) continue;
        all[found].index = i;
        all[found++].key =
            rng_philox(CASE_SEED, RNG_ANCHOR_SAMPLES, CASE_STEP, (uint64_t)(image * n_anchors + i))
                .v[0];
    }
    qsort(all, (size_t)found, sizeof *all, by_key);
    if (n > found) n = found;
    for (int64_t i = 0; i < n; i++) sampled[all[i].index] = value;
    mem_free(all);
    return n;
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    const struct sample_anchors_args *args = &((const struct sample_case *)c->args)->args;
    const int64_t one = 1;
    int64_t n = in[0].shape[0], all = in[0].shape[1];
    ref_shape(&out[0], 2, in[0].shape);
    ref_shape(&out[1], 1, &one);
    for (int64_t image = 0; image < n; image++) {
        const double *matched = in[0].v + image * all;
        double *sampled = out[0].v + image * all;
        if (in[1].rank) {
            for (int64_t i = 0; i < all; i++) sampled[i] = in[1].v[image * all + i];
        } else {
            int64_t limit = (int64_t)((float)args->n_samples * args->positive_fraction);
            int64_t positives = mark(matched, all, image, true, limit, SAMPLE_POSITIVE, sampled);
            mark(matched, all, image, false, args->n_samples - positives, SAMPLE_NEGATIVE, sampled);
        }
        for (int64_t i = 0; i < all; i++) out[1].v[0] += sampled[i] != (double)SAMPLE_NONE;
    }
}

const struct op_cases cases_sample_anchors = {
    CASES(cases), REFUSALS(refusals),     .batched_in = 3,    .batched_out = 1,
    .run = run,   .reference = reference, .prepare = prepare,
};
