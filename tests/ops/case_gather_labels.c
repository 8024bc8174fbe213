#include "nn/ops_rcnn.h"
#include "tests/ops/case.h"
#include "tests/ops/kept.h"

// Inputs: labels, keep, n_keep.
#define IN(n, slots, k)                                                                            \
    {                                                                                              \
        {.dtype = DTYPE_I32, .rank = 2, .shape = {n, slots}},                                      \
            {.dtype = DTYPE_I32, .rank = 2, .shape = {n, k}},                                      \
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
    {.name = "n_keep of other images",
     .in = {{.dtype = DTYPE_I32, .rank = 2, .shape = {2, 7}},
            {.dtype = DTYPE_I32, .rank = 2, .shape = {2, 5}},
            {.dtype = DTYPE_I32, .rank = 1, .shape = {3}}},
     .status = ERR_USAGE,
     .message = "n_keep"},
};

static void prepare(const struct op_case *c, int input, void *data)
{
    int64_t n = c->in[0].shape[0], slots = c->in[0].shape[1], max_keep = c->in[1].shape[1];
    for (int64_t i = 0; input == 0 && i < n * slots; i++) ((int32_t *)data)[i] = (int32_t)(i + 3);
    if (input == 1) draw_kept((int32_t *)data, NULL, n, max_keep, slots);
    if (input == 2) draw_kept(NULL, (int32_t *)data, n, max_keep, slots);
}

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    (void)args;
    struct tensor *roi_labels;
    return gather_labels(tape, in[0], in[1], in[2], &roi_labels);
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    (void)c;
    int64_t slots = in[0].shape[1], max_keep = in[1].shape[1];
    int64_t n = in[0].shape[0] * max_keep, at = 0;
    ref_shape(&out[0], 1, &n);
    for (int64_t i = 0; i < n; i++)
        if (in[1].v[i] >= 0.0) out[0].v[at++] = in[0].v[i / max_keep * slots + (int64_t)in[1].v[i]];
}

const struct op_cases cases_gather_labels = {
    CASES(cases), REFUSALS(refusals), .run = run, .reference = reference, .prepare = prepare,
};
