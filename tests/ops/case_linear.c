#include "tests/ops/case.h"

#define M(n, c)  {.rank = 2, .shape = {n, c}}
#define C(o)     {.rank = 1, .shape = {o}}
#define PLAIN    &(const struct linear_args){.relu = false}
#define RELU     &(const struct linear_args){.relu = true}

static const struct op_case cases[] = {
    {"1 by 1", PLAIN, .in = {M(1, 1), M(1, 1)}, .linear = 3},
    {"c3 to c17", PLAIN, .in = {M(2, 3), M(17, 3)}, .linear = 3},
    {"c64 to c1", PLAIN, .in = {M(3, 64), M(1, 64)}, .linear = 3},
    {"c64", PLAIN, .in = {M(5, 64), M(64, 64)}, .linear = 3},
    {"bias", PLAIN, .in = {M(4, 17), M(64, 17), C(64)}},
    {"relu", RELU, .in = {M(4, 17), M(64, 17)}},
    {"bias relu", RELU, .in = {M(4, 17), M(33, 17), C(33)}},
    {"map", RELU, .in = {{.rank = 4, .shape = {3, 4, 5, 6}}, M(10, 120), C(10)}},
    {"list", PLAIN, .in = {M(20, 17), M(64, 17)}, .linear = 3, .is_list = true, .n_valid = 13},
    {"list bias relu", RELU, .in = {M(20, 17), M(64, 17), C(64)}, .is_list = true, .n_valid = 7},
    {"list of maps", RELU, .in = {{.rank = 4, .shape = {6, 4, 5, 6}}, M(10, 120), C(10)}, .is_list = true, .n_valid = 5},
    {"list of none", RELU, .in = {M(9, 17), M(33, 17), C(33)}, .is_list = true, .n_valid = 0},
    {"full list", RELU, .in = {M(9, 17), M(33, 17), C(33)}, .is_list = true, .n_valid = 9},
    {"1 image", RELU, .in = {M(1, 100), M(40, 100), C(40)}},
};

static const struct op_refusal refusals[] = {
    {"lengths differ", PLAIN, .in = {M(4, 17), M(64, 18)}, .status = ERR_USAGE, .message = "linear"},
    {"bias too short", PLAIN, .in = {M(4, 17), M(64, 17), C(63)}, .status = ERR_USAGE, .message = "bias"},
    {"w of rank 4", PLAIN, .in = {M(4, 17), {.rank = 4, .shape = {3, 1, 1, 17}}}, .status = ERR_USAGE, .message = "linear"},
};

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    struct tensor *y;
    return linear(tape, in[0], in[1], in[2], (const struct linear_args *)args, &y);
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    const int64_t shape[] = {in[0].shape[0], in[1].shape[0]};
    int64_t n_in = in[1].shape[1];
    ref_shape(&out[0], 2, shape);
    for (int64_t n = 0; n < shape[0]; n++)
        for (int64_t o = 0; o < shape[1]; o++) {
            double sum = in[2].rank ? in[2].v[o] : 0.0;
            for (int64_t i = 0; i < n_in; i++) sum += in[0].v[n * n_in + i] * in[1].v[o * n_in + i];
            if (((const struct linear_args *)c->args)->relu && sum < 0.0) sum = 0.0;
            out[0].v[n * shape[1] + o] = sum;
        }
}

const struct op_cases cases_linear = {
    CASES(cases),
    REFUSALS(refusals),
    .differentiable = 7,
    .batched_in = 1,
    .batched_out = 1,
    .run = run,
    .reference = reference,
};
