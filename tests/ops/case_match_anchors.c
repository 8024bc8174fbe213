#include "base/mem.h"
#include "tests/ops/boxes.h"
#include "tests/ops/case.h"

// Inputs: anchors, gt_boxes, gt_count.
#define IN(n, all, g)                                                                              \
    {                                                                                              \
        {.rank = 2, .shape = {all, 4}}, {.rank = 3, .shape = {n, g, 4}},                           \
            {.dtype = DTYPE_I32, .rank = 1, .shape = {n}},                                         \
    }
#define ARGS(h, l, q)                                                                              \
    &(const struct match_args)                                                                     \
    {                                                                                              \
        .high = h, .low = l, .allow_low_quality = q                                                \
    }

static const struct op_case cases[] = {
    {.name = "1 anchor 1 object", .args = ARGS(0.5f, 0.4f, true), .in = IN(1, 1, 1)},
    {.name = "retinanet", .args = ARGS(0.5f, 0.4f, true), .in = IN(3, 700, 9)},
    {.name = "region proposals", .args = ARGS(0.7f, 0.3f, true), .in = IN(3, 700, 9)},
    {.name = "no low quality", .args = ARGS(0.5f, 0.5f, false), .in = IN(3, 700, 9)},
    {.name = "more objects than anchors", .args = ARGS(0.5f, 0.4f, true), .in = IN(2, 30, 200)},
    {.name = "whole blocks", .args = ARGS(0.5f, 0.4f, true), .in = IN(2, 512, 17)},
    {.name = "low threshold 0", .args = ARGS(0.5f, 0.0f, true), .in = IN(2, 300, 4)},
    {.name = "nobody reaches the threshold", .args = ARGS(1.1f, 0.4f, true), .in = IN(2, 300, 30)},
};

// Boxes on a coarse grid: many IoUs are equal. The last image has the most objects, the first none
// unless it is alone.
static void prepare(const struct op_case *c, int input, void *data)
{
    const int64_t *shape = c->in[input].shape;
    int64_t n = c->in[1].shape[0], g = c->in[1].shape[1];
    if (input == 0) draw_boxes((float *)data, shape[0], 64.0f, 8.0f, 1);
    if (input == 1) draw_boxes((float *)data, n * g, 64.0f, 8.0f, 2);
    if (input == 2)
        for (int64_t i = 0; i < n; i++)
            ((int32_t *)data)[i] = (int32_t)(n == 1 ? g : g * i / (n - 1));
}

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    struct tensor *matched, *n_positive;
    return match_anchors(tape, in[0], in[1], in[2], (const struct match_args *)args, &matched,
                         &n_positive);
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

// The whole matrix of IoUs, as torchvision's Matcher has it; equality is that of floats.
static void match_image(const struct match_args *args, const struct ref *anchors,
                        const double *objects, int64_t n_objects, double *matched, double *count)
{
    int64_t n = anchors->shape[0];
    float *iou = (float *)mem_alloc((size_t)(n * n_objects) + 1, sizeof *iou);
    for (int64_t i = 0; i < n; i++) {
        float best = -1.0f;
        int64_t arg = 0;
        for (int64_t g = 0; g < n_objects; g++) {
            float value = iou[i * n_objects + g] = box_iou(objects + 4 * g, anchors->v + 4 * i);
            if (value <= best) continue;
            best = value;
            arg = g;
        }
        matched[i] = best >= args->high ? (double)arg
                     : best < args->low ? (double)MATCH_NONE
                                        : (double)MATCH_IGNORED;
    }
    for (int64_t g = 0; args->allow_low_quality && g < n_objects; g++) {
        float best = 0.0f;
        for (int64_t i = 0; i < n; i++)
            if (iou[i * n_objects + g] > best) best = iou[i * n_objects + g];
        for (int64_t i = 0; i < n; i++) {
            if (best == 0.0f || iou[i * n_objects + g] != best) continue;
            int64_t arg = 0;
            for (int64_t o = 1; o < n_objects; o++)
                if (iou[i * n_objects + o] > iou[i * n_objects + arg]) arg = o;
            matched[i] = (double)arg;
        }
    }
    for (int64_t i = 0; i < n; i++) *count += matched[i] >= 0.0;
    mem_free(iou);
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    int64_t n = in[1].shape[0], g = in[1].shape[1], shape[] = {n, in[0].shape[0]};
    ref_shape(&out[0], 2, shape);
    ref_shape(&out[1], 1, shape);
    for (int64_t image = 0; image < n; image++)
        match_image((const struct match_args *)c->args, &in[0], in[1].v + 4 * image * g,
                    (int64_t)in[2].v[image], out[0].v + image * shape[1], out[1].v + image);
}

const struct op_cases cases_match_anchors = {
    CASES(cases), .batched_in = 2 | 4,    .batched_out = 3,
    .run = run,   .reference = reference, .prepare = prepare,
};
