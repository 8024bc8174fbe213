// Runs one operation on one backend in guarded memory.
#ifndef TARN_TESTS_OPS_HARNESS_H
#define TARN_TESTS_OPS_HARNESS_H

#include "tests/ops/case.h"

// The backends under test. create returns ERR_UNSUPPORTED where the machine has no such device.
struct test_backend {
    const char *name;
    enum status (*create)(struct backend **backend);
    enum op only; // the one operation that differs from another backend's; N_OPS: all
    bool (*lacks)(enum op op); // true: it refuses the operation; NULL: it has all
};
extern const struct test_backend test_backends[];
extern const size_t n_test_backends;

// ---- host data of a case -----------------------------------------------------------------------

struct case_data {
    struct case_input spec;
    void *values; // host; NULL: absent
};

size_t case_input_count(const struct case_input *spec);
void case_data_draw(const struct op_cases *cases, const struct op_case *c,
                    struct case_data data[OP_MAX_IN]);
void case_data_free(struct case_data data[OP_MAX_IN]);
// Image k of every batched input, the others whole; borrows from `all`.
void case_data_image(const struct op_cases *cases, const struct case_data all[OP_MAX_IN],
                     int64_t k, struct case_data one[OP_MAX_IN]);

// ---- device memory with guards -----------------------------------------------------------------

struct guarded {
    struct backend *backend;
    char *memory; // the whole chunk
    size_t bytes; // of the contents
};
void guarded_create(struct guarded *g, struct backend *backend, size_t bytes);
void guarded_free(struct guarded *g);
void *guarded_data(const struct guarded *g);
void guarded_download(const struct guarded *g, void *host);
void guarded_upload(const struct guarded *g, const void *host);
void guarded_spoil(const struct guarded *g); // fills the contents with NaN
bool guarded_intact(const struct guarded *g);

// ---- one operation -----------------------------------------------------------------------------

enum { MAX_CALLS = 8 };

struct op_run {
    struct backend *backend;
    enum op op;
    struct tape *tape; // dry: owns shapes and args
    struct op_call calls[MAX_CALLS];
    int n_calls;
    struct tensor in[OP_MAX_IN];
    bool has_in[OP_MAX_IN];
    struct tensor *out[OP_MAX_OUT];
    int n_out;
    struct tensor n_valid; // of input 0, where that is a list
    struct guarded n_valid_data;
    struct guarded in_data[OP_MAX_IN], in_grad[OP_MAX_IN];
    struct guarded out_data[OP_MAX_OUT], out_grad;
};

// Infers shapes on a dry tape; the operation's refusal is returned. Needs op_run_free in any case.
enum status op_run_infer(struct op_run *run, struct backend *backend, enum op op,
                         const struct case_data data[OP_MAX_IN], const struct op_case *c);
// Memory for all tensors; inputs uploaded, the rest NaN.
void op_run_allocate(struct op_run *run, const struct case_data data[OP_MAX_IN],
                     const struct op_case *c);
enum status op_run_forward(struct op_run *run);
// dy: host, for output 0. Inputs of `want` have gradients, which start as `initial[i]` (beta 1) or,
// where initial is NULL, as NaN (beta 0).
enum status op_run_backward(struct op_run *run, unsigned want, const float *dy,
                            float *const initial[OP_MAX_IN]);
void op_run_free(struct op_run *run);

// Downloads; the caller frees with mem_free.
void *op_run_output(const struct op_run *run, int i);
float *op_run_gradient(const struct op_run *run, int i);
// Names what was written outside its place; NULL: nothing.
const char *op_run_damage(const struct op_run *run, const struct case_data data[OP_MAX_IN],
                          unsigned may_change);

// ---- comparing ---------------------------------------------------------------------------------

// Index of the first element that differs by more than tolerance * (|wanted| + rms), or -1.
// Not-a-number differs from everything.
int64_t first_difference(const float *got, const double *wanted, size_t n, double tolerance);

// bf16 is the upper half of a float; cutting off the lower one is enough for inputs of tests.
uint16_t bf16_cut(float value);
float bf16_value(uint16_t half);

float *draw_floats(size_t n, uint32_t stream, const char *key);

#endif
