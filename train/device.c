#include "train/device.h"

#include <stdio.h>
#include <string.h>

#include "cuda/backend.h"
#include "train/config.h"

enum { DEVICE_AUTO = -2, DEVICE_CPU = -1, DEVICE_UNKNOWN = -3 }; // from 0: a GPU

static int parse(const char *device)
{
    int number = 0, used = 0;
    if (strcmp(device, "auto") == 0) return DEVICE_AUTO;
    if (strcmp(device, "cpu") == 0) return DEVICE_CPU;
    if (strcmp(device, "cuda") == 0) return 0;
    bool is_number = sscanf(device, "cuda:%4d%n", &number, &used) == 1 && !device[used];
    return is_number && number >= 0 ? number : DEVICE_UNKNOWN;
}

static int resolve(const char *device)
{
    int number = parse(device);
    if (number != DEVICE_AUTO) return number;
    return backend_cuda_count() > 0 ? 0 : DEVICE_CPU;
}

bool device_is_gpu(const char *device)
{
    return resolve(device) >= 0;
}

enum status device_open(const char *device, int n_threads, struct backend **backend)
{
    int number = resolve(device);
    if (number == DEVICE_UNKNOWN)
        return fail(ERR_USAGE, "there is no device '%.40s'; expected cpu, cuda, cuda:N or auto",
                    device);
    return number == DEVICE_CPU ? backend_create_cpu(n_threads, backend)
                                : backend_create_cuda(number, backend);
}

enum status device_set_precision(struct backend *backend, int precision)
{
    if (!backend->bf16 && precision != PRECISION_F32)
        return fail(ERR_UNSUPPORTED,
                    "train.precision is %s, but the %s computes in f32 only: use a GPU (--device "
                    "cuda) or train.precision=f32",
                    precision == PRECISION_BF16 ? "bf16" : "tf32", backend->name);
    if (backend->bf16) backend_cuda_allow_tf32(backend, precision == PRECISION_TF32);
    return OK;
}
