#include "tests/ops/harness.h"

#include "cpu/isa.h"
#include "cpu/kernels.h"

static enum status create_cpu(struct backend **backend)
{
    return backend_create_cpu(0, backend);
}

static enum status create_cpu_path(struct backend **backend, enum cpu_conv_path path)
{
    TRY(backend_create_cpu(0, backend));
    ((struct cpu_backend *)*backend)->conv_path = path;
    return OK;
}

static enum status create_cpu_onednn(struct backend **backend)
{
    return create_cpu_path(backend, CONV_PATH_ONEDNN);
}

static enum status create_cpu_own(struct backend **backend)
{
    return create_cpu_path(backend, CONV_PATH_OWN);
}

// The hot loops for older processors. They come last: the level stays for the rest of the process.
static enum status create_cpu_v3(struct backend **backend)
{
    TRY(isa_use(ISA_V3));
    return create_cpu_path(backend, CONV_PATH_OWN);
}

// And the path for shapes and processors that oneDNN has no implementation for.
static enum status create_cpu_v2(struct backend **backend)
{
    TRY(isa_use(ISA_V2));
    return create_cpu_path(backend, CONV_PATH_GEMM);
}

const struct test_backend test_backends[] = {
    {"cpu", create_cpu, N_OPS, NULL},
    {"cpu, oneDNN's convolutions", create_cpu_onednn, OP_conv2d, NULL},
    {"cpu, own convolutions", create_cpu_own, OP_conv2d, NULL},
    {"cpu at x86-64-v3, own convolutions", create_cpu_v3, N_OPS, NULL},
    {"cpu at x86-64-v2, convolutions as matrix products", create_cpu_v2, N_OPS, NULL},
};
const size_t n_test_backends = sizeof test_backends / sizeof *test_backends;
