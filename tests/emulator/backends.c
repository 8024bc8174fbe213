// The table of cases of all operations runs on the emulated CUDA backend alone.
#include "cuda/backend.h"
#include "cuda/kernels.h"
#include "tests/ops/harness.h"

static enum status create(struct backend **backend)
{
    return backend_create_cuda(0, backend);
}

const struct test_backend test_backends[] = {
    {"cuda, emulated", create, N_OPS, cuda_lacks},
};
const size_t n_test_backends = sizeof test_backends / sizeof *test_backends;
