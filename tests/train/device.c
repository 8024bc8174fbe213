// Which device a command computes on, and in what precision.
#include <criterion/criterion.h>
#include <string.h>

#include "cuda/backend.h"
#include "train/config.h"
#include "train/device.h"

static struct backend *open_device(const char *device)
{
    struct backend *backend = NULL;
    cr_assert_eq(device_open(device, 1, &backend), OK, "%s", fail_message());
    return backend;
}

Test(device, names)
{
    struct backend *backend = open_device("cpu");
    cr_assert_str_eq(backend->name, "cpu");
    backend_destroy(backend);
    static const char *const bad[] = {"", "gpu", "cuda:", "cuda:x", "cuda:1x", "cuda:-1", "CPU"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_expect_eq(device_open(bad[i], 1, &backend), ERR_USAGE, "'%s'", bad[i]);
        cr_expect(strstr(fail_message(), "cpu, cuda, cuda:N or auto"), "%s", fail_message());
        cr_expect_not(device_is_gpu(bad[i]));
    }
}

Test(device, auto_takes_a_gpu_where_there_is_one)
{
    struct backend *backend = open_device("auto");
    cr_assert_str_eq(backend->name, backend_cuda_count() > 0 ? "cuda" : "cpu");
    cr_assert_eq(device_is_gpu("auto"), backend_cuda_count() > 0);
    backend_destroy(backend);
}

Test(device, a_gpu_that_is_not_there)
{
    struct backend *backend = NULL;
    cr_assert_eq(device_open("cuda:99", 1, &backend), ERR_UNSUPPORTED);
    cr_assert(strstr(fail_message(), "--device cpu"), "%s", fail_message());
    if (backend_cuda_count() > 0) return;
    cr_assert_eq(device_open("cuda", 1, &backend), ERR_UNSUPPORTED);
    cr_assert(strstr(fail_message(), "--device cpu"), "%s", fail_message());
}

Test(device, the_cpu_has_f32_only)
{
    struct backend *backend = open_device("cpu");
    cr_assert_eq(device_set_precision(backend, PRECISION_F32), OK);
    cr_assert_eq(device_set_precision(backend, PRECISION_BF16), ERR_UNSUPPORTED);
    cr_assert(strstr(fail_message(), "train.precision is bf16"), "%s", fail_message());
    cr_assert_eq(device_set_precision(backend, PRECISION_TF32), ERR_UNSUPPORTED);
    backend_destroy(backend);
}
