#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "nn/ops_rcnn.h"
#include "tests/ops/boxes.h"
#include "tests/ops/case.h"
#include "tests/ops/kept.h"

// Inputs: boxes, keep, n_keep, gt_boxes, gt_labels, gt_count, given. Candidate i of an image has
// the key of element image * (max_keep + max_objects) + i.
struct rois_case {
    struct sample_rois_args args;
    int objects; // of the last image; the first has none unless it is alone
};

#define IN(n, slots, k, g)                                                                         \
    {.rank = 3, .shape = {n, slots, 4}}, {.dtype = DTYPE_I32, .rank = 2, .shape = {n, k}},         \
        {.dtype = DTYPE_I32, .rank = 1, .shape = {n}}, {.rank = 3, .shape = {n, g, 4}},            \
        {.dtype = DTYPE_I32, .rank = 2, .shape = {n, g}},                                          \
    {                                                                                              \
        .dtype = DTYPE_I32, .rank = 1, .shape = { n }                                              \
    }
#define GIVEN(n, samples)                                                                          \
    {                                                                                              \
        .dtype = DTYPE_I32, .rank = 2, .shape = { n, samples }                                     \
    }
#define ARGS(n, fraction, threshold, g)                                                            \
    &(const struct rois_case)                                                                      \
    {                                                                                              \
        {.n_samples = n, .positive_fraction = fraction, .iou = threshold}, g                       \
    }

static const struct op_case cases[] = {
    {.name = "1 image", .args = ARGS(16, 0.25f, 0.5f, 5), .in = {IN(1, 60, 40, 7)}},
    {.name = "4 images", .args = ARGS(64, 0.25f, 0.5f, 9), .in = {IN(4, 400, 300, 9)}},
    {.name = "no objects", .args = ARGS(16, 0.25f, 0.5f, 0), .in = {IN(2, 60, 40, 7)}},
    {.name = "more than there are", .args = ARGS(500, 0.5f, 0.5f, 9), .in = {IN(2, 60, 40, 9)}},
    {.name = "mostly positive", .args = ARGS(40, 1.0f, 0.2f, 9), .in = {IN(3, 300, 200, 9)}},
    {.name = "none positive wanted", .args = ARGS(16, 0.0f, 0.5f, 5), .in = {IN(2, 60, 40, 7)}},
    {.name = "several blocks", .args = ARGS(512, 0.25f, 0.5f, 60), .in = {IN(2, 1200, 1000, 60)}},
    {.name = "given", .args = ARGS(16, 1.0f, 0.5f, 5), .in = {IN(3, 60, 40, 7), GIVEN(3, 16)}},
};

static const struct op_refusal refusals[] = {
    {"no samples", ARGS(0, 0.5f, 0.5f, 5), {IN(1, 60, 40, 7)}, ERR_USAGE, "sample_rois"},
    {"a fraction below 0", ARGS(16, -0.5f, 0.5f, 5), {IN(1, 60, 40, 7)}, ERR_USAGE, "sample_rois"},
    {"given too short",
     ARGS(16, 0.5f, 0.5f, 5),
     {IN(1, 60, 40, 7), GIVEN(1, 15)},
     ERR_USAGE,
     "given"},
};

// Boxes on a coarse grid: many overlap alike. Among the labels is one that stands for background.
static void prepare(const struct op_case *c, int input, void *data)
{
    const struct rois_case *own = (const struct rois_case *)c->args;
    const int64_t *shape = c->in[input].shape;
    int64_t n = c->in[0].shape[0];
    int32_t *integers = (int32_t *)data;
    if (input == 0) draw_boxes((float *)data, n * shape[1], 64.0f, 4.0f, 1);
    if (input == 1) draw_kept(integers, NULL, n, shape[1], c->in[0].shape[1]);
    if (input == 2) draw_kept(NULL, integers, n, c->in[1].shape[1], c->in[0].shape[1]);
    if (input == 3) draw_boxes((float *)data, n * shape[1], 64.0f, 4.0f, 2);
    for (int64_t i = 0; input == 4 && i < n * shape[1]; i++) integers[i] = (int32_t)(i % 5);
    for (int64_t i = 0; input == 5 && i < n; i++)
        integers[i] = (int32_t)(n == 1 ? own->objects : own->objects * i / (n - 1));
    for (int64_t i = 0; input == 6 && i < n * shape[1]; i++) {
        int64_t image = i / shape[1], k = i % shape[1];
        // The first image has neither proposals nor objects, the last all of either.
        integers[i] = image == 0 || k >= 3 * image ? -1 : (int32_t)(k * 4);
    }
}

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    struct roi_samples samples;
    return sample_rois(tape, in[0], in[1], in[2], in[3], in[4], in[5], in[6],
                       &((const struct rois_case *)args)->args, &samples);
}

static float box_iou(const double *a, const double *b)
{
    float area_a = ((float)a[2] - (float)a[0]) * ((float)a[3] - (float)a[1]);
    float area_b = ((float)b[2] - (float)b[0]) * ((float)b[3] - (float)b[1]);
    double left = a[0] > b[0] ? a[0] : b[0], top = a[1] > b[1] ? a[1] : b[1];
    double right = a[2] < b[2] ? a[2] : b[2], bottom = a[3] < b[3] ? a[3] : b[3];
    if (right <= left || bottom <= top) return 0.0f;
    float shared = ((float)right - (float)left) * ((float)bottom - (float)top);
    return shared / (area_a + area_b - shared);
}

struct candidate {
    const double *box;
    int match;
    uint32_t key;
    int64_t index;
    bool drawn;
};

static int by_key(const void *a, const void *b)
{
    const struct candidate *x = (const struct candidate *)a, *y = (const struct candidate *)b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

static int by_index(const void *a, const void *b)
{
    const struct candidate *x = (const struct candidate *)a, *y = (const struct candidate *)b;
    return x->index < y->index ? -1 : x->index > y->index;
}

// Of the candidates in random order, the first `limit` of a kind.
static int64_t draw(struct candidate *all, int64_t n, bool positive, int64_t limit)
{
    int64_t drawn = 0;
    for (int64_t i = 0; i < n && drawn < limit; i++)
        if ((all[i].match >= 0) == positive) {
            all[i].drawn = true;
            drawn++;
        }
    return drawn;
}

static int64_t fill(struct ref *in, int64_t image, float threshold, struct candidate *all)
{
    int64_t max_keep = in[1].shape[1], max_objects = in[3].shape[1], n = 0;
    int64_t n_keep = (int64_t)in[2].v[image], n_objects = (int64_t)in[5].v[image];
    const double *objects = in[3].v + 4 * image * max_objects;
    for (int64_t i = 0; i < n_keep + n_objects; i++, n++) {
        int64_t slot = i < n_keep ? (int64_t)in[1].v[image * max_keep + i] : 0;
        struct candidate *c = &all[i];
        float best = -1.0f;
        c->box =
            i < n_keep ? in[0].v + 4 * (image * in[0].shape[1] + slot) : objects + 4 * (i - n_keep);
        c->index = i;
        c->drawn = false;
        for (int64_t g = 0; g < n_objects; g++) {
            float iou = box_iou(objects + 4 * g, c->box);
            if (iou <= best) continue;
            best = iou;
            c->match = (int)g;
        }
        if (best < threshold || in[4].v[image * max_objects + c->match] <= 0.0) c->match = -1;
        uint64_t element = (uint64_t)(image * (max_keep + max_objects) + i);
        c->key = rng_philox(CASE_SEED, RNG_ROI_SAMPLES, CASE_STEP, element).v[0];
    }
    return n;
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    const struct sample_rois_args *args = &((const struct rois_case *)c->args)->args;
    int64_t n_images = in[0].shape[0], capacity = in[1].shape[1] + in[3].shape[1], at = 0;
    int64_t limit = (int64_t)((float)args->n_samples * args->positive_fraction);
    const int64_t shape[] = {n_images * args->n_samples, 4}, one = 1,
                  max_positive = n_images * limit;
    ref_shape(&out[0], 2, shape);
    for (int i = 1; i < 4; i++) ref_shape(&out[i], 1, shape);
    ref_shape(&out[4], 1, &one);
    ref_shape(&out[5], 1, &max_positive);
    ref_shape(&out[6], 1, &one);
    struct candidate *all = (struct candidate *)mem_alloc((size_t)capacity, sizeof *all);
    for (int64_t image = 0; image < n_images; image++) {
        int64_t n = fill(in, image, args->iou, all);
        if (in[6].rank) {
            for (int64_t k = 0; k < args->n_samples; k++)
                if (in[6].v[image * args->n_samples + k] >= 0.0)
                    all[(int64_t)in[6].v[image * args->n_samples + k]].drawn = true;
        } else {
            qsort(all, (size_t)n, sizeof *all, by_key);
            int64_t drawn = draw(all, n, true, limit);
            draw(all, n, false, args->n_samples - drawn);
            qsort(all, (size_t)n, sizeof *all, by_index);
        }
        for (int positive = 1; positive >= 0; positive--)
            for (int64_t i = 0; i < n; i++) {
                if (!all[i].drawn || (all[i].match >= 0) != positive) continue;
                for (int k = 0; k < 4; k++) out[0].v[4 * at + k] = all[i].box[k];
                out[1].v[at] = (double)image;
                if (positive) {
                    out[2].v[at] = in[4].v[image * in[3].shape[1] + all[i].match];
                    out[5].v[(int64_t)out[6].v[0]++] = (double)at;
                }
                out[3].v[at++] = (double)all[i].match;
            }
    }
    out[4].v[0] = (double)at;
    mem_free(all);
}

const struct op_cases cases_sample_rois = {
    CASES(cases), REFUSALS(refusals), .run = run, .reference = reference, .prepare = prepare,
};
