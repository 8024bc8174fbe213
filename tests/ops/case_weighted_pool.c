#include <math.h>

#include "nn/ops_map.h"
#include "tests/ops/case.h"

#define X(n, h, w, c) {.rank = 4, .shape = {n, h, w, c}, .low = -3.0f, .high = 3.0f}
#define TWO(n, h, w, c) {X(n, h, w, c), X(n, h, w, c)}
#define ARGS(...) &(const struct weighted_pool_args){.window = {__VA_ARGS__}}
#define SQUARE(k, s, p) ARGS(k, k, s, s, p, p, p, p, false)

static const struct op_case cases[] = {
    {"1x1", SQUARE(1, 1, 0), .in = TWO(1, 1, 1, 1)},
    {"2x2/2", SQUARE(2, 2, 0), .in = TWO(2, 6, 8, 17)},
    {"2x2/2 odd map", SQUARE(2, 2, 0), .in = TWO(2, 7, 9, 64)},
    {"2x2/3 gaps", SQUARE(2, 3, 0), .in = TWO(2, 9, 8, 3)},
    {"3x3/2 padded", SQUARE(3, 2, 1), .in = TWO(2, 8, 10, 64)},
    {"3x3/2 padded odd map", SQUARE(3, 2, 1), .in = TWO(2, 9, 7, 3)},
    {"3x3/1 c130", SQUARE(3, 1, 1), .in = TWO(1, 5, 6, 130)},
    {"2x3/2x1", ARGS(2, 3, 2, 1, 0, 1, 0, 1, false), .in = TWO(2, 6, 7, 3)},
    {"begin padding only", ARGS(2, 2, 2, 2, 1, 1, 0, 0, false), .in = TWO(2, 6, 7, 3)},
    {"ceil", ARGS(3, 3, 2, 2, 0, 0, 0, 0, true), .in = TWO(2, 8, 10, 3)},
    {"the whole map", SQUARE(0, 1, 0), .in = TWO(3, 7, 9, 130)},
    {"large logits", SQUARE(2, 2, 0),
     .in = {X(2, 4, 4, 5), {.rank = 4, .shape = {2, 4, 4, 5}, .low = 80.0f, .high = 88.0f}}},
};

static const struct op_refusal refusals[] = {
    {"window larger than the map", SQUARE(4, 1, 0), TWO(1, 3, 3, 2), ERR_USAGE, "weighted_pool"},
    {"logits of another shape", SQUARE(2, 1, 0), {X(1, 3, 3, 2), X(1, 3, 3, 1)}, ERR_USAGE,
     "logits"},
};

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    struct tensor *y;
    return weighted_pool(tape, in[0], in[1], (const struct weighted_pool_args *)args, &y);
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    struct window win = ((const struct weighted_pool_args *)c->args)->window;
    int h = (int)in[0].shape[1], w = (int)in[0].shape[2], channels = (int)in[0].shape[3];
    if (win.kernel_h == 0) {
        win.kernel_h = h;
        win.kernel_w = w;
    }
    int64_t shape[] = {in[0].shape[0],
                       window_output(h, win.kernel_h, win.stride_h, win.pad_begin_h, win.pad_end_h,
                                     win.ceil_mode),
                       window_output(w, win.kernel_w, win.stride_w, win.pad_begin_w, win.pad_end_w,
                                     win.ceil_mode),
                       channels};
    for (int i = 0; i < 3; i++) ref_shape(&out[i], 4, shape);
    for (int64_t i = 0; i < (int64_t)ref_count(&out[0]); i++) {
        int64_t ch = i % channels, image = i / channels / shape[2] / shape[1];
        int top = (int)(i / channels / shape[2] % shape[1]) * win.stride_h - win.pad_begin_h;
        int left = (int)(i / channels % shape[2]) * win.stride_w - win.pad_begin_w;
        double sum = 0.0, weighted = 0.0, largest = -INFINITY;
        for (int r = top; r < top + win.kernel_h; r++)
            for (int q = left; q < left + win.kernel_w; q++) {
                if (r < 0 || r >= h || q < 0 || q >= w) continue;
                int64_t at = ((image * h + r) * w + q) * channels + ch;
                largest = fmax(largest, in[1].v[at]);
                sum += exp(in[1].v[at]);
                weighted += exp(in[1].v[at]) * in[0].v[at];
            }
        out[0].v[i] = weighted / sum;
        out[1].v[i] = largest;
        out[2].v[i] = exp(largest) / sum;
    }
}

const struct op_cases cases_weighted_pool = {
    CASES(cases),
    REFUSALS(refusals),
    .differentiable = 3,
    .batched_in = 3,
    .batched_out = 7,
    .run = run,
    .reference = reference,
};
