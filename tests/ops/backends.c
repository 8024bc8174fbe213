#include "tests/ops/harness.h"

#include "cpu/isa.h"
#include "cpu/kernels.h"

static enum status create_cpu(struct backend **backend)
{
    return backend_create_cpu(0, backend);
}

// The hot loops for older processors. They come last: the level stays for the rest of the process.
static enum status create_cpu_v3(struct backend **backend)
{
    TRY(isa_use(ISA_V3));
    return backend_create_cpu(0, backend);
}

// And the paths for shapes and processors that oneDNN has no implementation for.
static enum status create_cpu_v2(struct backend **backend)
{
    TRY(isa_use(ISA_V2));
    TRY(backend_create_cpu(0, backend));
    ((struct cpu_backend *)*backend)->avoid_onednn = true;
    return OK;
}

const struct test_backend test_backends[] = {
    {"cpu", create_cpu},
    {"cpu at x86-64-v3", create_cpu_v3},
    {"cpu at x86-64-v2, without oneDNN's convolutions", create_cpu_v2},
};
const size_t n_test_backends = sizeof test_backends / sizeof *test_backends;

const struct op_cases *const op_case_table[N_OPS] = {
#define OP(name)         &cases_##name,
#define OP_NO_GRAD(name) &cases_##name,
#include "nn/ops.def"
#undef OP
#undef OP_NO_GRAD
};
