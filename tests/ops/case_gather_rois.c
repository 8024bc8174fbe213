#include "nn/ops_rcnn.h"
#include "tests/ops/case.h"
#include "tests/ops/kept.h"

// Inputs: boxes, keep, n_keep.
#define IN(n, slots, k)                                                                            \
    {                                                                                              \
        {.rank = 3, .shape = {n, slots, 4}}, {.dtype = DTYPE_I32, .rank = 2, .shape = {n, k}},     \
        {                                                                                          \
            .dtype = DTYPE_I32, .rank = 1, .shape = { n }                                          \
        }                                                                                          \
    }

static const struct op_case cases[] = {
    {.name = "1 image", .in = IN(1, 7, 5)},
    {.name = "3 images, from none to all", .in = IN(3, 20, 11)},
    {.name = "more room than slots", .in = IN(2, 5, 9)},
};

static const struct op_refusal refusals[] = {
    {.name = "keep of other images",
     .in = {{.rank = 3, .shape = {2, 7, 4}},
            {.dtype = DTYPE_I32, .rank = 2, .shape = {3, 5}},
            {.dtype = DTYPE_I32, .rank = 1, .shape = {2}}},
     .status = ERR_USAGE,
     .message = "keep"},
};

static void prepare(const struct op_case *c, int input, void *data)
{
    int64_t n = c->in[0].shape[0], slots = c->in[0].shape[1], max_keep = c->in[1].shape[1];
    if (input == 1) draw_kept((int32_t *)data, NULL, n, max_keep, slots);
    if (input == 2) draw_kept(NULL, (int32_t *)data, n, max_keep, slots);
}

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    (void)args;
    struct tensor *rois, *roi_image, *count;
    return gather_rois(tape, in[0], in[1], in[2], &rois, &roi_image, &count);
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    (void)c;
    int64_t n = in[0].shape[0], slots = in[0].shape[1], max_keep = in[1].shape[1];
    const int64_t shape[] = {n * max_keep, 4}, one = 1;
    ref_shape(&out[0], 2, shape);
    ref_shape(&out[1], 1, shape);
    ref_shape(&out[2], 1, &one);
    int64_t at = 0;
    for (int64_t i = 0; i < n * max_keep; i++) {
        if (in[1].v[i] < 0.0) continue;
        int64_t image = i / max_keep, slot = image * slots + (int64_t)in[1].v[i];
        for (int k = 0; k < 4; k++) out[0].v[4 * at + k] = in[0].v[4 * slot + k];
        out[1].v[at++] = (double)image;
    }
    out[2].v[0] = (double)at;
}

const struct op_cases cases_gather_rois = {
    CASES(cases), REFUSALS(refusals), .run = run, .reference = reference, .prepare = prepare,
};
