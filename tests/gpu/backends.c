// The table of cases of all operations on a real GPU; skipped where there is none.
#include <criterion/criterion.h>

#include "cuda/backend.h"
#include "cuda/kernels.h"
#include "tests/ops/harness.h"

static enum status create(struct backend **backend)
{
    enum status status = backend_create_cuda(0, backend);
    if (status == ERR_UNSUPPORTED) cr_skip_test("%s", fail_message());
    return status;
}

const struct test_backend test_backends[] = {
    {"cuda", create, N_OPS, cuda_lacks},
};
const size_t n_test_backends = sizeof test_backends / sizeof *test_backends;
