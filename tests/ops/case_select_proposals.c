#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "nn/ops_rcnn.h"
#include "tests/ops/boxes.h"
#include "tests/ops/case.h"
#include "tests/ops/regression.h"

// Inputs of two levels: logits 0, deltas 0, logits 1, deltas 1, anchors, sizes.
struct propose_case {
    struct select_proposals_args args;
    float round_to; // logits become multiples of it: equal ones
};

#define LEVELS(n, h, w, a)                                                                         \
    {                                                                                              \
        {.rank = 4, .shape = {n, h, w, a}, .low = -9.0f, .high = 9.0f},                            \
            {.rank = 4, .shape = {n, h, w, (a)*4}, .low = -1.5f, .high = 1.5f},                    \
            {.rank = 4, .shape = {n, 2, 2, a}, .low = -40.0f, .high = 40.0f},                      \
            {.rank = 4, .shape = {n, 2, 2, (a)*4}, .low = -20.0f, .high = 20.0f},                  \
            {.rank = 2, .shape = {((h) * (w) + 4) * (a), 4}},                                      \
        {                                                                                          \
            .rank = 2, .shape = { n, 2 }                                                           \
        }                                                                                          \
    }
#define ARGS(k, side, step)                                                                        \
    &(const struct propose_case)                                                                   \
    {                                                                                              \
        {.top_k = k, .min_size = side, .weights = {1, 1, 1, 1}}, step                              \
    }

static const struct op_case cases[] = {
    {.name = "1 pixel", .args = ARGS(3, 1e-3f, 0.0f), .in = LEVELS(1, 1, 1, 1)},
    {.name = "fewer than asked for", .args = ARGS(1000, 1e-3f, 0.0f), .in = LEVELS(2, 5, 6, 3)},
    {.name = "the best of one level", .args = ARGS(50, 1e-3f, 0.0f), .in = LEVELS(2, 13, 17, 3)},
    {.name = "the best of both", .args = ARGS(5, 1e-3f, 0.0f), .in = LEVELS(3, 13, 17, 3)},
    {.name = "small boxes go", .args = ARGS(200, 12.0f, 0.0f), .in = LEVELS(2, 13, 17, 3)},
    {.name = "equal logits", .args = ARGS(70, 1e-3f, 3.0f), .in = LEVELS(2, 13, 17, 3)},
    {.name = "all equal", .args = ARGS(70, 1e-3f, 100.0f), .in = LEVELS(2, 13, 17, 3)},
};

static const struct op_refusal refusals[] = {
    {"the best 0", ARGS(0, 0.0f, 0.0f), LEVELS(1, 3, 3, 1), ERR_USAGE, "select_proposals"},
    {"logits of other maps than deltas",
     ARGS(3, 0.0f, 0.0f),
     {{.rank = 4, .shape = {1, 3, 3, 2}},
      {.rank = 4, .shape = {1, 3, 3, 4}},
      {.rank = 4, .shape = {1, 2, 2, 1}},
      {.rank = 4, .shape = {1, 2, 2, 4}},
      {.rank = 2, .shape = {26, 4}},
      {.rank = 2, .shape = {1, 2}}},
     ERR_USAGE,
     "deltas"},
};

// Multiples of round_to have the sign of what they were: zeros of both signs are equal.
static void prepare(const struct op_case *c, int input, void *data)
{
    const struct propose_case *own = (const struct propose_case *)c->args;
    const int64_t *shape = c->in[input].shape;
    float *values = (float *)data;
    if (input == 4) draw_boxes(values, shape[0], 100.0f, 1.0f, 1);
    if (input == 5)
        for (int64_t i = 0; i < shape[0] * 2; i++) values[i] = (float)(70 + 9 * i);
    if ((input == 0 || input == 2) && own->round_to > 0.0f)
        for (int64_t i = 0; i < shape[0] * shape[1] * shape[2] * shape[3]; i++)
            values[i] = truncf(values[i] / own->round_to) * own->round_to;
}

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    struct tensor *logits[] = {in[0], in[2]}, *deltas[] = {in[1], in[3]}, *out[3];
    int64_t offsets[] = {0, in[0]->shape[1] * in[0]->shape[2] * in[0]->shape[3]};
    return select_proposals(tape, 2, logits, deltas, offsets, in[4], in[5],
                            &((const struct propose_case *)args)->args, &out[0], &out[1], &out[2]);
}

struct entry {
    double logit;
    int64_t index;
};

static int by_logit(const void *a, const void *b)
{
    const struct entry *x = (const struct entry *)a, *y = (const struct entry *)b;
    if (x->logit != y->logit) return x->logit > y->logit ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    const struct select_proposals_args *args = &((const struct propose_case *)c->args)->args;
    int64_t n = in[0].shape[0], offset = 0, slot = 0, per_level[2], slots[2];
    for (int level = 0; level < 2; level++) {
        per_level[level] = (int64_t)ref_count(&in[2 * level]) / n;
        slots[level] = per_level[level] < args->top_k ? per_level[level] : args->top_k;
    }
    const int64_t shape[] = {n, slots[0] + slots[1], 4};
    ref_shape(&out[0], 3, shape);
    ref_shape(&out[1], 2, shape);
    ref_shape(&out[2], 2, shape);
    for (int level = 0; level < 2; level++) {
        int64_t count = per_level[level];
        struct entry *entries = (struct entry *)mem_alloc((size_t)count, sizeof *entries);
        for (int64_t image = 0; image < n; image++) {
            for (int64_t i = 0; i < count; i++)
                entries[i] = (struct entry){in[2 * level].v[image * count + i], i};
            qsort(entries, (size_t)count, sizeof *entries, by_logit);
            for (int64_t i = 0; i < slots[level]; i++) {
                int64_t at = image * shape[1] + slot + i, anchor = entries[i].index;
                double *box = out[0].v + 4 * at;
                decode_box(args->weights, in[4].v + 4 * (offset + anchor),
                           in[2 * level + 1].v + 4 * (image * count + anchor), box);
                for (int k = 0; k < 4; k++)
                    box[k] = fmin(fmax(box[k], 0.0), in[5].v[2 * image + (k % 2 == 0)]);
                bool small = fmin(box[2] - box[0], box[3] - box[1]) < (double)args->min_size;
                out[1].v[at] = small ? -1.0 : 1.0 / (1.0 + exp(-entries[i].logit));
                out[2].v[at] = (double)level;
            }
        }
        offset += count;
        slot += slots[level];
        mem_free(entries);
    }
}

const struct op_cases cases_select_proposals = {
    CASES(cases),       REFUSALS(refusals), .batched_in = 1 | 2 | 4 | 8 | 32,
    .batched_out = 7,   .run = run,         .reference = reference,
    .prepare = prepare,
};
