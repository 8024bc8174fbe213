#include "nn/ops_rcnn.h"
#include "tests/ops/case.h"

#define X(n, h, w, c)                                                                              \
    {                                                                                              \
        .rank = 4, .shape = { n, h, w, c }                                                         \
    }
#define W(o, i)                                                                                    \
    {                                                                                              \
        .rank = 4, .shape = { 2, 2, o, i }                                                         \
    }
#define C(o)                                                                                       \
    {                                                                                              \
        .rank = 1, .shape = { o }                                                                  \
    }
#define PLAIN                                                                                      \
    &(const struct conv_transpose_args)                                                            \
    {                                                                                              \
        .relu = false                                                                              \
    }
#define RELU                                                                                       \
    &(const struct conv_transpose_args)                                                            \
    {                                                                                              \
        .relu = true                                                                               \
    }

static const struct op_case cases[] = {
    {"1 pixel", PLAIN, .in = {X(1, 1, 1, 1), W(1, 1)}, .linear = 3},
    {"c3 to c17", PLAIN, .in = {X(2, 3, 4, 3), W(17, 3)}, .linear = 3},
    {"c64 to c32", PLAIN, .in = {X(2, 5, 3, 64), W(32, 64)}, .linear = 3},
    {"bias", PLAIN, .in = {X(2, 5, 3, 6), W(5, 6), C(5)}},
    {"relu", RELU, .in = {X(2, 5, 3, 6), W(5, 6)}},
    {"bias relu", RELU, .in = {X(3, 4, 4, 16), W(16, 16), C(16)}},
    {"several blocks", PLAIN, .in = {X(2, 17, 17, 1), W(256, 1), C(256)}},
    {"list", PLAIN, .in = {X(9, 5, 3, 6), W(5, 6)}, .linear = 3, .is_list = true, .n_valid = 4},
    {"list bias relu", RELU, .in = {X(9, 5, 3, 6), W(5, 6), C(5)}, .is_list = true, .n_valid = 7},
    {"list of none", RELU, .in = {X(9, 5, 3, 6), W(5, 6), C(5)}, .is_list = true, .n_valid = 0},
};

static const struct op_refusal refusals[] = {
    {"channels differ", PLAIN, {X(1, 2, 2, 3), W(5, 4)}, ERR_USAGE, "1x2x2x3"},
    {"kernel of 3", PLAIN, {X(1, 2, 2, 3), X(3, 3, 5, 3)}, ERR_USAGE, "3x3x5x3"},
    {"bias too long", PLAIN, {X(1, 2, 2, 3), W(5, 3), C(6)}, ERR_USAGE, "bias"},
};

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    struct tensor *y;
    return conv_transpose(tape, in[0], in[1], in[2], (const struct conv_transpose_args *)args, &y);
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    int64_t n_out = in[1].shape[2], n_in = in[1].shape[3];
    const int64_t shape[] = {in[0].shape[0], 2 * in[0].shape[1], 2 * in[0].shape[2], n_out};
    ref_shape(&out[0], 4, shape);
    size_t at = 0;
    for (int64_t n = 0; n < shape[0]; n++)
        for (int64_t y = 0; y < shape[1]; y++)
            for (int64_t x = 0; x < shape[2]; x++)
                for (int64_t o = 0; o < n_out; o++, at++) {
                    int64_t pixel = (n * in[0].shape[1] + y / 2) * in[0].shape[2] + x / 2;
                    int64_t tap = y % 2 * 2 + x % 2;
                    double sum = in[2].rank ? in[2].v[o] : 0.0;
                    for (int64_t i = 0; i < n_in; i++)
                        sum += in[0].v[pixel * n_in + i] * in[1].v[(tap * n_out + o) * n_in + i];
                    if (((const struct conv_transpose_args *)c->args)->relu && sum < 0.0) sum = 0.0;
                    out[0].v[at] = sum;
                }
}

const struct op_cases cases_conv_transpose = {
    CASES(cases),     REFUSALS(refusals), .differentiable = 7,    .batched_in = 1,
    .batched_out = 1, .run = run,         .reference = reference,
};
