#include <math.h>

#include "nn/ops_map.h"
#include "tests/ops/case.h"

#define THETA(n, c)                                                                                \
    {                                                                                              \
        {                                                                                          \
            .rank = 2, .shape = { n, c }                                                           \
        }                                                                                          \
    }
#define FREE(h, w) &(const struct flex_weights_args){h, w, false, {0}}
#define SOFTMAX(h, w) &(const struct flex_weights_args){h, w, true, {0}}

static const struct op_case cases[] = {
    {.name = "1x1", .args = FREE(1, 1), .in = THETA(1, 1), .linear = 1},
    {.name = "7x7 as it is", .args = FREE(7, 7), .in = THETA(49, 17), .linear = 1},
    {.name = "grows", .args = FREE(12, 10), .in = THETA(49, 3), .linear = 1},
    {.name = "shrinks", .args = FREE(2, 3), .in = THETA(49, 64), .linear = 1},
    {.name = "one number everywhere", .args = FREE(3, 5), .in = THETA(1, 3), .linear = 1},
    {.name = "softmax 7x7", .args = SOFTMAX(7, 7), .in = THETA(49, 17)},
    {.name = "softmax grows", .args = SOFTMAX(9, 5), .in = THETA(16, 130)},
    {.name = "softmax shrinks", .args = SOFTMAX(2, 2), .in = THETA(49, 3)},
    {.name = "softmax of one", .args = SOFTMAX(1, 1), .in = THETA(9, 4)},
};

static const struct op_refusal refusals[] = {
    {"not a square", FREE(3, 3), THETA(12, 3), ERR_USAGE, "12x3"},
    {"no map", FREE(0, 3), THETA(9, 3), ERR_USAGE, "0x3"},
};

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    struct tensor *y;
    return flex_weights(tape, in[0], (const struct flex_weights_args *)args, &y);
}

// The grid's value at a place between its points, held at the border.
static double value_at(const struct ref *theta, int side, double y, double x, int64_t c)
{
    y = fmin(fmax(y, 0.0), side - 1.0);
    x = fmin(fmax(x, 0.0), side - 1.0);
    double value = 0.0;
    for (int i = 0; i < side; i++)
        for (int j = 0; j < side; j++)
            value += fmax(0.0, 1.0 - fabs(y - i)) * fmax(0.0, 1.0 - fabs(x - j)) *
                     theta->v[(i * side + j) * theta->shape[1] + c];
    return value;
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    const struct flex_weights_args *args = (const struct flex_weights_args *)c->args;
    int side = (int)(sqrt((double)in[0].shape[0]) + 0.5), h = args->height, w = args->width;
    int64_t channels = in[0].shape[1], n = (int64_t)h * w;
    const int64_t shape[3] = {h, w, channels};
    ref_shape(&out[0], 3, shape);
    for (int64_t k = 0; k < channels; k++) {
        double sum = 0.0;
        for (int64_t p = 0; p < n; p++) {
            double y = ((double)(p / w) + 0.5) * side / h - 0.5;
            double x = ((double)(p % w) + 0.5) * side / w - 0.5;
            double t = value_at(&in[0], side, y, x, k);
            double value = args->softmax ? exp(t) : t * side * side / (h * w);
            out[0].v[p * channels + k] = value;
            sum += value;
        }
        for (int64_t p = 0; args->softmax && p < n; p++) out[0].v[p * channels + k] /= sum;
    }
}

const struct op_cases cases_flex_weights = {
    CASES(cases), REFUSALS(refusals), .differentiable = 1, .run = run, .reference = reference,
};
