#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tests/ops/boxes.h"
#include "tests/ops/case.h"

// Inputs of two levels: logits 0, deltas 0, logits 1, deltas 1, anchors, sizes.
struct select_case {
    struct select_args args;
    float round_to; // logits become multiples of it: equal scores
};

#define LEVELS(n, h, w, a, k)                                                                      \
    {.rank = 4, .shape = {n, h, w, (a) * (k)}, .low = -9.0f, .high = 3.0f},                        \
        {.rank = 4, .shape = {n, h, w, (a)*4}, .low = -1.5f, .high = 1.5f},                        \
        {.rank = 4, .shape = {n, 2, 2, (a) * (k)}, .low = -40.0f, .high = 40.0f},                  \
        {.rank = 4, .shape = {n, 2, 2, (a)*4}, .low = -20.0f, .high = 20.0f},                      \
        {.rank = 2, .shape = {((h) * (w) + 4) * (a), 4}},                                          \
    {                                                                                              \
        .rank = 2, .shape = { n, 2 }                                                               \
    }
#define ARGS(k, classes, threshold, step)                                                          \
    &(const struct select_case)                                                                    \
    {                                                                                              \
        {.top_k = k, .n_classes = classes, .score_threshold = threshold, .weights = {1, 1, 1, 1}}, \
            step                                                                                   \
    }

static const struct op_case cases[] = {
    {.name = "1 pixel", .args = ARGS(3, 1, 0.05f, 0.0f), .in = {LEVELS(1, 1, 1, 1, 1)}},
    {.name = "fewer than asked for",
     .args = ARGS(1000, 5, 0.9f, 0.0f),
     .in = {LEVELS(2, 5, 6, 3, 5)}},
    {.name = "coco's classes", .args = ARGS(100, 91, 0.05f, 0.0f), .in = {LEVELS(2, 7, 9, 9, 91)}},
    {.name = "the best one", .args = ARGS(1, 17, 0.05f, 0.0f), .in = {LEVELS(3, 7, 9, 3, 17)}},
    {.name = "equal scores", .args = ARGS(50, 7, 0.05f, 1.5f), .in = {LEVELS(2, 13, 17, 3, 7)}},
    {.name = "all equal", .args = ARGS(64, 7, 0.05f, 100.0f), .in = {LEVELS(2, 13, 17, 3, 7)}},
    {.name = "threshold 0", .args = ARGS(40, 7, 0.0f, 0.0f), .in = {LEVELS(2, 13, 17, 3, 7)}},
    {.name = "threshold 1", .args = ARGS(40, 7, 1.0f, 0.0f), .in = {LEVELS(2, 3, 3, 3, 7)}},
    {.name = "weights",
     .args =
         &(const struct select_case){
             {.top_k = 9, .n_classes = 2, .score_threshold = 0.3f, .weights = {10, 10, 5, 5}},
             0.0f},
     .in = {LEVELS(2, 5, 5, 3, 2)}},
};

static const struct op_refusal refusals[] = {
    {"logits of other maps than deltas",
     ARGS(3, 2, 0.05f, 0.0f),
     {LEVELS(1, 3, 3, 1, 1)},
     ERR_USAGE,
     "select_detections"},
};

static void prepare(const struct op_case *c, int input, void *data)
{
    const struct select_case *own = (const struct select_case *)c->args;
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
    int64_t offsets[] = {0, in[1]->shape[1] * in[1]->shape[2] * in[1]->shape[3] / 4};
    return select_detections(tape, 2, logits, deltas, offsets, in[4], in[5],
                             &((const struct select_case *)args)->args, &out[0], &out[1], &out[2]);
}

// Sorting is by the float score, which is what the operation promises to order.
struct entry {
    float score;
    int64_t index;
};

static int by_score(const void *a, const void *b)
{
    const struct entry *x = (const struct entry *)a, *y = (const struct entry *)b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

static double limited(double value, double limit)
{
    return value < 0.0 ? 0.0 : value > limit ? limit : value;
}

static void decode(const struct select_args *args, const double *anchor, const double *delta,
                   const double *size, double *box)
{
    for (int axis = 0; axis < 2; axis++) {
        double side = anchor[axis + 2] - anchor[axis];
        double centre = (anchor[axis] + anchor[axis + 2]) / 2.0 +
                        delta[axis] / (double)args->weights[axis] * side;
        double growth = delta[axis + 2] / (double)args->weights[axis + 2];
        double half = exp(fmin(growth, log(1000.0 / 16.0))) * side / 2.0;
        box[axis] = limited(centre - half, size[1 - axis]);
        box[axis + 2] = limited(centre + half, size[1 - axis]);
    }
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    const struct select_args *args = &((const struct select_case *)c->args)->args;
    int64_t n = in[0].shape[0], k = args->n_classes, top_k = args->top_k, offset = 0;
    const int64_t shape[] = {n, 2 * top_k, 4};
    ref_shape(&out[0], 3, shape);
    ref_shape(&out[1], 2, shape);
    ref_shape(&out[2], 2, shape);
    for (int64_t i = 0; i < n * 2 * top_k; i++) out[1].v[i] = out[2].v[i] = -1.0;
    for (int level = 0; level < 2; level++) {
        const struct ref *logits = &in[2 * level], *deltas = &in[2 * level + 1];
        int64_t n_logits = (int64_t)ref_count(logits) / n;
        struct entry *entries = (struct entry *)mem_alloc((size_t)n_logits, sizeof *entries);
        for (int64_t image = 0; image < n; image++) {
            size_t found = 0;
            for (int64_t i = 0; i < n_logits; i++) {
                float score = 1.0f / (1.0f + expf((float)-logits->v[image * n_logits + i]));
                if (score > args->score_threshold) entries[found++] = (struct entry){score, i};
            }
            qsort(entries, found, sizeof *entries, by_score);
            for (int64_t i = 0; i < top_k && i < (int64_t)found; i++) {
                int64_t slot = image * 2 * top_k + level * top_k + i, at = entries[i].index / k;
                out[1].v[slot] = (double)entries[i].score;
                out[2].v[slot] = (double)(entries[i].index % k);
                decode(args, in[4].v + 4 * (offset + at),
                       deltas->v + 4 * (image * (n_logits / k) + at), in[5].v + 2 * image,
                       out[0].v + 4 * slot);
            }
        }
        offset += n_logits / k;
        mem_free(entries);
    }
}

const struct op_cases cases_select_detections = {
    CASES(cases),       REFUSALS(refusals), .batched_in = 1 | 2 | 4 | 8 | 32,
    .batched_out = 7,   .run = run,         .reference = reference,
    .prepare = prepare,
};
