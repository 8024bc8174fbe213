#include "tests/ops/case.h"

#define X(n, h, w, c)   {.rank = 4, .shape = {n, h, w, c}}
#define W(o, kh, kw, i) {.rank = 4, .shape = {o, kh, kw, i}}
#define C(o)            {.rank = 1, .shape = {o}}
#define ARGS(s, p, r)   &(const struct conv2d_args){.stride = s, .padding = p, .relu = r}

// Linear in x and in w when nothing is added and nothing is cut off.
enum { LINEAR = 3 };

static const struct op_case cases[] = {
    {"conv1x1 1 pixel c1", ARGS(1, 0, false), .in = {X(1, 1, 1, 1), W(1, 1, 1, 1)}, .linear = LINEAR},
    {"conv1x1 1 pixel c64", ARGS(1, 0, false), .in = {X(2, 1, 1, 64), W(17, 1, 1, 64)}, .linear = LINEAR},
    {"conv1x1 c64", ARGS(1, 0, false), .in = {X(2, 7, 9, 64), W(64, 1, 1, 64)}, .linear = LINEAR},
    {"conv1x1 c3 to c17", ARGS(1, 0, false), .in = {X(2, 5, 7, 3), W(17, 1, 1, 3)}, .linear = LINEAR},
    {"conv1x1 c256 to c64", ARGS(1, 0, false), .in = {X(1, 5, 6, 256), W(64, 1, 1, 256)}, .linear = LINEAR},
    {"conv1x1 s2", ARGS(2, 0, false), .in = {X(2, 7, 10, 32), W(48, 1, 1, 32)}, .linear = LINEAR},
    {"conv1x1 s2 odd c17", ARGS(2, 0, false), .in = {X(1, 7, 9, 17), W(3, 1, 1, 17)}, .linear = LINEAR},
    {"conv1x1 s2 even size", ARGS(2, 0, false), .in = {X(1, 8, 8, 16), W(16, 1, 1, 16)}, .linear = LINEAR},
    {"conv1x1 s2 c64", ARGS(2, 0, false), .in = {X(2, 7, 9, 64), W(64, 1, 1, 64)}, .linear = LINEAR},
    {"conv1x1 s3 c32", ARGS(3, 0, false), .in = {X(1, 8, 7, 32), W(32, 1, 1, 32)}, .linear = LINEAR},
    {"conv1x1 many rows", ARGS(1, 0, true), .in = {X(1, 16, 19, 32), W(32, 1, 1, 32), C(32), C(32), X(1, 16, 19, 32)}},
    {"conv3x3 many tiles", ARGS(1, 1, true), .in = {X(1, 68, 65, 3), W(4, 3, 3, 3), C(4), C(4), X(1, 68, 65, 4)}},
    {"conv3x3 1 pixel", ARGS(1, 1, false), .in = {X(1, 1, 1, 64), W(64, 3, 3, 64)}, .linear = LINEAR},
    {"conv3x3 c64", ARGS(1, 1, false), .in = {X(2, 4, 5, 64), W(64, 3, 3, 64)}, .linear = LINEAR},
    {"conv3x3 c1", ARGS(1, 1, false), .in = {X(2, 6, 5, 1), W(1, 3, 3, 1)}, .linear = LINEAR},
    {"conv3x3 c3", ARGS(1, 1, false), .in = {X(2, 6, 5, 3), W(3, 3, 3, 3)}, .linear = LINEAR},
    {"conv3x3 c17", ARGS(1, 1, false), .in = {X(2, 6, 5, 17), W(17, 3, 3, 17)}, .linear = LINEAR},
    {"conv3x3 no padding", ARGS(1, 0, false), .in = {X(1, 6, 5, 16), W(16, 3, 3, 16)}, .linear = LINEAR},
    {"conv3x3 wide padding", ARGS(1, 4, false), .in = {X(1, 4, 5, 4), W(6, 3, 3, 4)}, .linear = LINEAR},
    {"conv3x3 s2 odd c17", ARGS(2, 1, false), .in = {X(2, 9, 7, 17), W(17, 3, 3, 17)}, .linear = LINEAR},
    {"conv3x3 s2 c64", ARGS(2, 1, false), .in = {X(2, 6, 8, 64), W(32, 3, 3, 64)}, .linear = LINEAR},
    {"conv3x3 s2 1 pixel", ARGS(2, 1, false), .in = {X(1, 1, 1, 16), W(16, 3, 3, 16)}, .linear = LINEAR},
    {"conv3x3 s3", ARGS(3, 1, false), .in = {X(1, 11, 8, 16), W(16, 3, 3, 16)}, .linear = LINEAR},
    {"conv1x3", ARGS(1, 1, false), .in = {X(1, 5, 7, 16), W(16, 1, 3, 16)}, .linear = LINEAR},
    {"conv3x2 s2", ARGS(2, 0, false), .in = {X(1, 7, 8, 5), W(6, 3, 2, 5)}, .linear = LINEAR},
    {"conv2x2", ARGS(1, 0, false), .in = {X(1, 4, 5, 16), W(16, 2, 2, 16)}, .linear = LINEAR},
    {"conv7x7 s2 stem", ARGS(2, 3, false), .in = {X(2, 14, 18, 3), W(64, 7, 7, 3)}, .linear = LINEAR},
    {"conv5x5", ARGS(1, 2, false), .in = {X(1, 7, 6, 8), W(8, 5, 5, 8)}, .linear = LINEAR},
    {"conv3x3 c16 to c36", ARGS(1, 1, false), .in = {X(1, 5, 7, 16), W(36, 3, 3, 16)}, .linear = LINEAR},
    {"scale", ARGS(1, 1, false), .in = {X(2, 5, 6, 16), W(32, 3, 3, 16), C(32)}, .linear = LINEAR},
    {"bias", ARGS(1, 1, false), .in = {X(2, 5, 6, 16), W(32, 3, 3, 16), {0}, C(32)}},
    {"bias many rows", ARGS(1, 0, false), .in = {X(2, 21, 27, 8), W(5, 1, 1, 8), {0}, C(5)}},
    {"residual", ARGS(1, 1, false), .in = {X(2, 5, 6, 16), W(32, 3, 3, 16), {0}, {0}, X(2, 5, 6, 32)}},
    {"residual alone s2", ARGS(2, 0, false), .in = {X(2, 5, 6, 16), W(32, 1, 1, 16), {0}, {0}, X(2, 3, 3, 32)}},
    {"relu", ARGS(1, 1, true), .in = {X(2, 5, 6, 16), W(32, 3, 3, 16)}},
    {"relu s2", ARGS(2, 1, true), .in = {X(2, 5, 6, 16), W(32, 3, 3, 16)}},
    {"bias relu", ARGS(1, 1, true), .in = {X(2, 5, 6, 16), W(32, 3, 3, 16), {0}, C(32)}},
    {"scale bias relu", ARGS(1, 0, true), .in = {X(2, 5, 6, 16), W(32, 1, 1, 16), C(32), C(32)}},
    {"scale bias residual relu", ARGS(1, 0, true), .in = {X(2, 5, 6, 16), W(64, 1, 1, 16), C(64), C(64), X(2, 5, 6, 64)}},
    {"everything 3x3", ARGS(1, 1, true), .in = {X(2, 5, 6, 16), W(16, 3, 3, 16), C(16), C(16), X(2, 5, 6, 16)}},
    {"everything 3x3 s2", ARGS(2, 1, true), .in = {X(2, 7, 6, 16), W(16, 3, 3, 16), C(16), C(16), X(2, 4, 3, 16)}},
    {"everything c17", ARGS(1, 1, true), .in = {X(2, 5, 6, 17), W(3, 3, 3, 17), C(3), C(3), X(2, 5, 6, 3)}},
    {"everything c1", ARGS(1, 0, true), .in = {X(2, 5, 6, 1), W(1, 1, 1, 1), C(1), C(1), X(2, 5, 6, 1)}},
#define LIST(n) .is_list = true, .n_valid = n
    {"list 3x3", ARGS(1, 1, false), .in = {X(20, 5, 6, 16), W(32, 3, 3, 16)}, .linear = LINEAR, LIST(7)},
    {"list 1x1", ARGS(1, 0, true), .in = {X(12, 4, 4, 16), W(32, 1, 1, 16), {0}, C(32)}, LIST(9)},
    {"list c17", ARGS(1, 0, true), .in = {X(12, 4, 4, 16), W(17, 1, 1, 16), {0}, C(17)}, LIST(8)},
    {"list everything", ARGS(1, 1, true), .in = {X(20, 5, 6, 16), W(16, 3, 3, 16), C(16), C(16), X(20, 5, 6, 16)}, LIST(9)},
    {"list s2", ARGS(2, 1, true), .in = {X(20, 5, 6, 16), W(16, 3, 3, 16), {0}, C(16)}, LIST(3)},
    {"list of none", ARGS(1, 1, true), .in = {X(9, 5, 6, 16), W(16, 3, 3, 16), {0}, C(16), X(9, 5, 6, 16)}, LIST(0)},
    {"full list", ARGS(1, 1, true), .in = {X(9, 5, 6, 16), W(16, 3, 3, 16), {0}, C(16)}, LIST(9)},
    {"stem with scale bias relu", ARGS(2, 3, true), .in = {X(1, 10, 14, 3), W(64, 7, 7, 3), C(64), C(64)}},
};

static const struct op_refusal refusals[] = {
    {"channels differ", ARGS(1, 1, false), .in = {X(1, 5, 5, 16), W(8, 3, 3, 17)}, .status = ERR_USAGE, .message = "1x5x5x16"},
    {"kernel too large", ARGS(1, 0, false), .in = {X(1, 2, 5, 4), W(8, 3, 3, 4)}, .status = ERR_USAGE, .message = "does not fit"},
    {"x of rank 3", ARGS(1, 0, false), .in = {{.rank = 3, .shape = {1, 5, 4}}, W(8, 3, 3, 4)}, .status = ERR_USAGE, .message = "conv2d"},
    {"scale too short", ARGS(1, 1, false), .in = {X(1, 5, 5, 4), W(8, 3, 3, 4), C(7)}, .status = ERR_USAGE, .message = "scale"},
    {"bias too long", ARGS(1, 1, false), .in = {X(1, 5, 5, 4), W(8, 3, 3, 4), {0}, C(9)}, .status = ERR_USAGE, .message = "bias"},
    {"residual of another shape", ARGS(1, 1, false), .in = {X(1, 5, 5, 4), W(8, 3, 3, 4), {0}, {0}, X(1, 5, 4, 8)}, .status = ERR_USAGE, .message = "residual"},
};

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    struct tensor *y;
    return conv2d(tape, in[0], in[1], in[2], in[3], in[4], (const struct conv2d_args *)args, &y);
}

static double pixel(const struct ref *t, int64_t n, int64_t y, int64_t x, int64_t c)
{
    if (y < 0 || x < 0 || y >= t->shape[1] || x >= t->shape[2]) return 0.0;
    return t->v[((n * t->shape[1] + y) * t->shape[2] + x) * t->shape[3] + c];
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    const struct conv2d_args *args = (const struct conv2d_args *)c->args;
    const struct ref *x = &in[0], *w = &in[1], *scale = &in[2], *bias = &in[3], *residual = &in[4];
    int64_t height = 0, width = 0; // count the places where the kernel fits
    for (int64_t y = 0; y + w->shape[1] <= x->shape[1] + 2 * args->padding; y += args->stride) height++;
    for (int64_t y = 0; y + w->shape[2] <= x->shape[2] + 2 * args->padding; y += args->stride) width++;
    const int64_t shape[] = {x->shape[0], height, width, w->shape[0]};
    ref_shape(&out[0], 4, shape);
    double *at = out[0].v;
    for (int64_t n = 0; n < shape[0]; n++)
        for (int64_t y = 0; y < height; y++)
            for (int64_t xx = 0; xx < width; xx++)
                for (int64_t o = 0; o < shape[3]; o++, at++) {
                    double sum = 0.0;
                    for (int64_t ky = 0; ky < w->shape[1]; ky++)
                        for (int64_t kx = 0; kx < w->shape[2]; kx++)
                            for (int64_t i = 0; i < w->shape[3]; i++)
                                sum += pixel(x, n, y * args->stride - args->padding + ky,
                                             xx * args->stride - args->padding + kx, i) *
                                       pixel(w, o, ky, kx, i);
                    if (scale->rank) sum *= scale->v[o];
                    if (bias->rank) sum += bias->v[o];
                    if (residual->rank) sum += residual->v[at - out[0].v];
                    *at = args->relu && sum < 0.0 ? 0.0 : sum;
                }
}

const struct op_cases cases_conv2d = {
    CASES(cases),
    REFUSALS(refusals),
    .differentiable = 1u << 0 | 1u << 1 | 1u << 3 | 1u << 4,
    .batched_in = 1u << 0 | 1u << 4,
    .batched_out = 1,
    .run = run,
    .reference = reference,
};
