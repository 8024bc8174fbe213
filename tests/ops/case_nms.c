#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "tests/ops/boxes.h"
#include "tests/ops/case.h"

// Inputs: boxes, scores, labels.
#define IN(n, slots)                                                                               \
    {                                                                                              \
        {.rank = 3, .shape = {n, slots, 4}},                                                       \
            {.rank = 2, .shape = {n, slots}, .low = -0.3f, .high = 1.0f},                          \
            {.dtype = DTYPE_I32, .rank = 2, .shape = {n, slots}},                                  \
    }
#define ARGS(threshold, n)                                                                         \
    &(const struct nms_args)                                                                       \
    {                                                                                              \
        .iou_threshold = threshold, .max_keep = n                                                  \
    }

static const struct op_case cases[] = {
    {.name = "1 box", .args = ARGS(0.5, 3), .in = IN(1, 1)},
    {.name = "all that survive", .args = ARGS(0.5, 400), .in = IN(2, 400)},
    {.name = "the first 20", .args = ARGS(0.5, 20), .in = IN(3, 400)},
    {.name = "threshold 0.6", .args = ARGS(0.6, 400), .in = IN(2, 400)},
    {.name = "threshold 0", .args = ARGS(0.0, 400), .in = IN(2, 200)},
    {.name = "threshold 1 keeps all", .args = ARGS(1.0, 400), .in = IN(2, 200)},
};

// Few labels, many overlaps, equal scores, some boxes without area.
static void prepare(const struct op_case *c, int input, void *data)
{
    int64_t n = c->in[1].shape[0] * c->in[1].shape[1];
    float *values = (float *)data;
    struct rng rng;
    rng_start(&rng, 5, RNG_TEST, (uint32_t)input);
    if (input == 0) {
        draw_boxes(values, n, 40.0f, 2.0f, 1);
        for (int64_t i = 0; i < n; i += 37) values[4 * i + 2] = values[4 * i];
    }
    if (input == 1)
        for (int64_t i = 0; i < n; i += 3) values[i] = 0.25f * (float)rng_below(&rng, 4);
    if (input == 2)
        for (int64_t i = 0; i < n; i++) ((int32_t *)data)[i] = (int32_t)rng_below(&rng, 3);
}

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    struct tensor *keep, *n_keep;
    return nms(tape, in[0], in[1], in[2], (const struct nms_args *)args, &keep, &n_keep);
}

static bool overlap(const double *a, const double *b, double threshold)
{
    float width = (float)((a[2] < b[2] ? a[2] : b[2]) - (a[0] > b[0] ? a[0] : b[0]));
    float height = (float)((a[3] < b[3] ? a[3] : b[3]) - (a[1] > b[1] ? a[1] : b[1]));
    float area_a = (float)(a[2] - a[0]) * (float)(a[3] - a[1]);
    float area_b = (float)(b[2] - b[0]) * (float)(b[3] - b[1]);
    float shared = width > 0.0f && height > 0.0f ? width * height : 0.0f;
    return (double)(shared / (area_a + area_b - shared)) > threshold;
}

// By rounds: the best box that is left stays, and all of its label that overlap it go.
static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    const struct nms_args *args = (const struct nms_args *)c->args;
    int64_t n = in[1].shape[0], slots = in[1].shape[1], shape[] = {n, args->max_keep};
    ref_shape(&out[0], 2, shape);
    ref_shape(&out[1], 1, shape);
    bool *gone = (bool *)mem_alloc((size_t)slots, sizeof *gone);
    for (int64_t image = 0; image < n; image++) {
        const double *boxes = in[0].v + 4 * image * slots, *scores = in[1].v + image * slots;
        const double *labels = in[2].v + image * slots;
        int64_t kept = 0;
        for (int64_t i = 0; i < slots; i++) gone[i] = scores[i] < 0.0;
        while (kept < args->max_keep) {
            int64_t best = -1;
            for (int64_t i = 0; i < slots; i++)
                if (!gone[i] && (best < 0 || scores[i] > scores[best])) best = i;
            if (best < 0) break;
            out[0].v[image * args->max_keep + kept++] = (double)best;
            gone[best] = true;
            for (int64_t i = 0; i < slots; i++)
                if (labels[i] == labels[best] &&
                    overlap(boxes + 4 * i, boxes + 4 * best, args->iou_threshold))
                    gone[i] = true;
        }
        out[1].v[image] = (double)kept;
        for (; kept < args->max_keep; kept++) out[0].v[image * args->max_keep + kept] = -1.0;
    }
    mem_free(gone);
}

const struct op_cases cases_nms = {
    CASES(cases), .batched_in = 7,        .batched_out = 3,
    .run = run,   .reference = reference, .prepare = prepare,
};
