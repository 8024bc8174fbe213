// The table of cases of one operation. The harness derives from it, for every backend:
//   - outputs equal a naive reference in double precision;
//   - gradients equal central differences of that reference, element by element and along
//     random directions, for every differentiable input; also with each input wanted alone and
//     added to what the gradient holds (beta 1);
//   - <Ax,y> = <x,A'y> where a case says that y is linear in an input;
//   - two runs give the same bits; nothing is written outside outputs and gradients; everything
//     inside is written (memory starts as NaN); inputs stay as they were;
//   - a batch of n images equals n batches of one;
//   - what is refused is refused with the listed status and message, and nothing else is.
//
// An operation's cases stand in case_<op>.c, which defines `const struct op_cases cases_<op>`.
// Without it the test program does not link.
#ifndef TARN_TESTS_OPS_CASE_H
#define TARN_TESTS_OPS_CASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nn/ops.h"
#include "nn/tape.h"

// f32 and bf16 inputs are drawn uniformly from [low, high), integers are 0 unless prepare() fills
// them.
struct case_input {
    enum dtype dtype;
    int rank; // 0: absent
    int64_t shape[TENSOR_MAX_RANK];
    float low, high; // both 0: [-1, 1)
};

// A tensor of the reference. Integers come as doubles.
struct ref {
    int rank; // 0: absent
    int64_t shape[TENSOR_MAX_RANK];
    double *v; // row-major
};

// Gives an output of the reference its shape and zeroed memory (freed by the harness).
void ref_shape(struct ref *out, int rank, const int64_t *shape);
size_t ref_count(const struct ref *t);

struct op_case {
    const char *name; // "conv3x3 s2 odd c17"
    const void *args; // &(const struct conv2d_args){...}
    struct case_input in[OP_MAX_IN];
    bool training;
    bool whole_batch;     // images depend on each other: no comparison with batches of one
    bool is_list;         // input 0 is a list (struct tensor's `valid`): zero from row n_valid on,
    int n_valid;          // and so is output 0
    unsigned linear;      // bit i: y is linear in input i, and zero where that is
    double tolerance;     // overrides the operation's
    uint32_t seed;        // another draw, for inputs that would lie on a kink
};

struct op_refusal {
    const char *name;
    const void *args;
    struct case_input in[OP_MAX_IN];
    enum status status;
    const char *message; // a part of it
};

struct op_cases {
    const struct op_case *cases;
    size_t n_cases;
    size_t (*make)(const struct op_case **cases); // in place of the two: returns the number
    const struct op_refusal *refusals;
    size_t n_refusals;

    // Bit masks of inputs and outputs.
    unsigned differentiable; // inputs
    unsigned in_place;       // inputs that the kernel changes; the reference changes them too
    unsigned batched_in;     // inputs whose shape[0] counts images
    unsigned batched_out;    // outputs likewise
    unsigned mean_out;       // outputs that are means over images

    // |got - wanted| <= tolerance * (|wanted| + root mean square of wanted). 0: 1e-5.
    double tolerance, gradient_tolerance;

    // Calls the operation of nn/ops.h with the case's inputs (NULL: absent) on a tape.
    enum status (*run)(struct tape *tape, struct tensor *const *in, const void *args);

    // Naive, in double, sharing no code with the kernels. in: copies, which it may change only
    // where in_place says so. Outputs in the order of the kernel's; an output that it leaves
    // without shape is not compared.
    void (*reference)(const struct op_case *c, struct ref *in, struct ref *out);

    // Optional: overwrites the drawn values of an input. data: host memory of its dtype.
    void (*prepare)(const struct op_case *c, int input, void *data);
};

// What the tape hands to random operations.
enum { CASE_SEED = 7, CASE_STEP = 3 };

#define CASES(table) .cases = (table), .n_cases = sizeof(table) / sizeof *(table)
#define REFUSALS(table) .refusals = (table), .n_refusals = sizeof(table) / sizeof *(table)

#define OP(name)         extern const struct op_cases cases_##name;
#define OP_NO_GRAD(name) extern const struct op_cases cases_##name;
#include "nn/ops.def"
#undef OP
#undef OP_NO_GRAD

extern const struct op_cases *const op_case_table[N_OPS];

#endif
