// The properties that every case of every operation must have. Each reports through Criterion.
#ifndef TARN_TESTS_OPS_CHECKS_H
#define TARN_TESTS_OPS_CHECKS_H

#include "tests/ops/harness.h"

// Runs `check` for every case on every backend that this machine has.
typedef void (*case_check)(struct backend *backend, enum op op, const struct op_case *c);
void for_each_case(enum op op, case_check check);

void check_reference(struct backend *backend, enum op op, const struct op_case *c);
void check_gradient(struct backend *backend, enum op op, const struct op_case *c);
void check_adjoint(struct backend *backend, enum op op, const struct op_case *c);
void check_repeats(struct backend *backend, enum op op, const struct op_case *c);
void check_batch(struct backend *backend, enum op op, const struct op_case *c);
void check_refusals(enum op op);

// The reference's outputs for host inputs; refs_free releases both arrays.
void refs_from(const struct case_data data[OP_MAX_IN], struct ref in[OP_MAX_IN]);
void refs_of_case(const struct op_cases *cases, const struct op_case *c, struct ref *in,
                  struct ref *out);
void refs_free(struct ref *refs, int n);

// Infers, allocates and runs forward; a failure fails the test.
void run_case(struct op_run *run, struct backend *backend, enum op op, const struct op_case *c,
              const struct case_data data[OP_MAX_IN]);

#endif
