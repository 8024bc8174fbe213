#include "tests/ops/harness.h"

const struct op_cases *const op_case_table[N_OPS] = {
#define OP(name)         &cases_##name,
#define OP_NO_GRAD(name) &cases_##name,
#include "nn/ops.def"
#undef OP
#undef OP_NO_GRAD
};
