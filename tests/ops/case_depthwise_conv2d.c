#include "nn/ops_map.h"
#include "tests/ops/case.h"

#define X(n, h, w, c) {.rank = 4, .shape = {n, h, w, c}}
#define W(h, w, c) {.rank = 3, .shape = {h, w, c}}
#define C(c) {.rank = 1, .shape = {c}}
#define ARGS(...) &(const struct depthwise_conv2d_args){.window = {__VA_ARGS__}}
#define SQUARE(k, s, p) ARGS(k, k, s, s, p, p, p, p, false)
#define LINEAR_X (1u << 0 | 1u << 1)

static const struct op_case cases[] = {
    {"1x1", SQUARE(1, 1, 0), .in = {X(1, 1, 1, 1), W(1, 1, 1)}, .linear = LINEAR_X},
    {"3x3 padded c17", SQUARE(3, 1, 1), .in = {X(2, 6, 5, 17), W(3, 3, 17)}, .linear = LINEAR_X},
    {"3x3/2 padded bias c64", SQUARE(3, 2, 1), .in = {X(2, 7, 8, 64), W(3, 3, 64), C(64)}},
    {"1x3 row filter", ARGS(1, 3, 1, 1, 0, 1, 0, 1, false), .in = {X(2, 5, 7, 3), W(1, 3, 3)}},
    {"5x1 column filter", ARGS(5, 1, 1, 1, 2, 0, 2, 0, false), .in = {X(1, 4, 6, 3), W(5, 1, 3)}},
    {"2x2/3 gaps bias", SQUARE(2, 3, 0), .in = {X(2, 9, 8, 3), W(2, 2, 3), C(3)}},
    {"several blocks of rows", SQUARE(3, 1, 1), .in = {X(3, 40, 9, 5), W(3, 3, 5), C(5)}},
};

static const struct op_refusal refusals[] = {
    {"a filter of another size", SQUARE(3, 1, 1), {X(1, 4, 4, 2), W(2, 2, 2)}, ERR_USAGE,
     "depthwise_conv2d"},
    {"other channels", SQUARE(3, 1, 1), {X(1, 4, 4, 2), W(3, 3, 3)}, ERR_USAGE, "depthwise_conv2d"},
    {"bias too short", SQUARE(3, 1, 1), {X(1, 4, 4, 2), W(3, 3, 2), C(1)}, ERR_USAGE, "bias"},
    {"filter larger than the map", SQUARE(5, 1, 0), {X(1, 4, 4, 2), W(5, 5, 2)}, ERR_USAGE,
     "does not fit"},
};

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    struct tensor *y;
    return depthwise_conv2d(tape, in[0], in[1], in[2], (const struct depthwise_conv2d_args *)args,
                            &y);
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    const struct window *win = &((const struct depthwise_conv2d_args *)c->args)->window;
    int64_t h = in[0].shape[1], w = in[0].shape[2], channels = in[0].shape[3];
    int64_t shape[] = {in[0].shape[0],
                       (h + win->pad_begin_h + win->pad_end_h - win->kernel_h) / win->stride_h + 1,
                       (w + win->pad_begin_w + win->pad_end_w - win->kernel_w) / win->stride_w + 1,
                       channels};
    ref_shape(&out[0], 4, shape);
    for (int64_t i = 0; i < (int64_t)ref_count(&out[0]); i++) {
        int64_t ch = i % channels, image = i / channels / shape[2] / shape[1];
        int64_t top = i / channels / shape[2] % shape[1] * win->stride_h - win->pad_begin_h;
        int64_t left = i / channels % shape[2] * win->stride_w - win->pad_begin_w;
        out[0].v[i] = in[2].rank ? in[2].v[ch] : 0.0;
        for (int64_t r = 0; r < win->kernel_h; r++)
            for (int64_t q = 0; q < win->kernel_w; q++)
                if (top + r >= 0 && top + r < h && left + q >= 0 && left + q < w)
                    out[0].v[i] +=
                        in[0].v[((image * h + top + r) * w + left + q) * channels + ch] *
                        in[1].v[(r * win->kernel_w + q) * channels + ch];
    }
}

const struct op_cases cases_depthwise_conv2d = {
    CASES(cases),
    REFUSALS(refusals),
    .differentiable = 7,
    .batched_in = 1,
    .batched_out = 1,
    .run = run,
    .reference = reference,
};
