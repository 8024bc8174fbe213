// Stands in for the CUDA backend in builds without a CUDA toolkit.
#include "cuda/backend.h"

enum status backend_create_cuda(int device, struct backend **backend)
{
    (void)backend;
    return fail(ERR_UNSUPPORTED,
                "device %d: this build has no CUDA backend (it was configured without a CUDA "
                "toolkit); use --device cpu",
                device);
}

void backend_cuda_allow_tf32(struct backend *backend, bool allow)
{
    (void)backend;
    (void)allow;
}

int backend_cuda_count(void)
{
    return 0;
}
