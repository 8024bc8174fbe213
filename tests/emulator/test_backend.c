// Memory, copies and refusals of the CUDA backend.
#include <criterion/criterion.h>
#include <string.h>

#include "base/mem.h"
#include "cuda/backend.h"
#include "cuda/staging.h"
#include "tests/emulator/emulator.h"
#include "tests/emulator/runtime.h"

static void expect_refused(int device, enum status status, const char *part)
{
    struct backend *backend = NULL;
    cr_expect_eq(backend_create_cuda(device, &backend), status);
    cr_expect(backend == NULL);
    cr_expect(strstr(fail_message(), part) != NULL, "\"%s\" lacks \"%s\"", fail_message(), part);
    cr_expect(strstr(fail_message(), "--device cpu") != NULL, "%s", fail_message());
}

Test(emulator_backend, says_why_there_is_no_device)
{
    enum { MEMORY = 1 << 30 };
    emulator_set_device(0, 90, MEMORY);
    expect_refused(0, ERR_UNSUPPORTED, "no GPU");
    emulator_set_device(2, 90, MEMORY);
    expect_refused(2, ERR_UNSUPPORTED, "no GPU 2: this machine has 2");
    expect_refused(-1, ERR_UNSUPPORTED, "no GPU -1");
    emulator_set_device(1, 61, MEMORY);
    expect_refused(0, ERR_UNSUPPORTED, "compute capability 6.1");
    expect_refused(0, ERR_UNSUPPORTED, "-DTARN_CUDA_ARCH=61");
}

Test(emulator_backend, out_of_memory_names_sizes_and_what_to_lower)
{
    struct backend *backend = NULL;
    enum { MIB = 1 << 20 };
    emulator_set_device(1, 90, 128 * MIB);
    cr_assert_eq(backend_create_cuda(0, &backend), OK, "%s", fail_message());
    void *half = backend->memory.get(backend->memory.context, 64 * MIB);
    cr_assert(half != NULL);
    cr_expect(backend->memory.get(backend->memory.context, 96 * MIB) == NULL);
    const char *const parts[] = {"0.094 GiB more wanted", "of 0.125 GiB free", "train.batch_size",
                                 "data.max_size", "--device cpu"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        cr_expect(strstr(fail_message(), parts[i]) != NULL, "\"%s\" lacks \"%s\"", fail_message(),
                  parts[i]);
    void *scratch = NULL;
    cr_expect_eq(backend->scratch(backend, 96 * MIB, &scratch), ERR_MEMORY);
    cr_expect_eq(backend->scratch(backend, 1000, &scratch), OK, "%s", fail_message());
    backend->memory.put(backend->memory.context, half, 64 * MIB);
    cr_expect_eq(backend->scratch(backend, 96 * MIB, &scratch), OK, "%s", fail_message());
    backend_destroy(backend);
}

Test(emulator_backend, uploads_take_their_source_at_once)
{
    enum { N = 1000 };
    struct backend *backend = NULL;
    float host[N], got[2 * N];
    cr_assert_eq(backend_create_cuda(0, &backend), OK, "%s", fail_message());
    float *device = (float *)backend->memory.get(backend->memory.context, sizeof got);
    cr_assert(device != NULL);
    for (int i = 0; i < N; i++) host[i] = (float)i;
    cr_assert_eq(backend->upload(backend, device, host, sizeof host), OK);
    memset(host, 0, sizeof host); // the copy may not have begun
    cr_assert_eq(backend->fill(backend, device + N, 2.5f, N / 2), OK);
    cr_assert_eq(backend->zero(backend, device + N + N / 2, N / 2 * sizeof *device), OK);
    cr_assert_eq(backend->download(backend, got, device, sizeof got), OK);
    for (int i = 0; i < N; i++) {
        cr_assert_eq(got[i], (float)i);
        cr_assert_eq(got[N + i], i < N / 2 ? 2.5f : 0.0f);
    }
    backend->memory.put(backend->memory.context, device, sizeof got);
    backend_destroy(backend);
}

// Segments smaller than the copies, and many copies: every segment is used many times.
Test(emulator_backend, segments_of_uploads_go_round)
{
    enum { SEGMENT = 512, N = 10000 };
    struct cuda_staging *staging = NULL;
    cudaStream_t stream;
    void *device;
    unsigned char host[N], got[N];
    cr_assert_eq(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
    cr_assert_eq(cudaMallocAsync(&device, N, stream), cudaSuccess);
    cr_assert_eq(cuda_staging_create(3, SEGMENT, &staging), OK, "%s", fail_message());
    for (int i = 0; i < N; i++) host[i] = (unsigned char)(i * 31 % 251);
    size_t at = 0;
    for (size_t bytes = 1; at < N; bytes = bytes * 3 + 1) {
        size_t n = bytes < N - at ? bytes : N - at;
        unsigned char *copy = (unsigned char *)mem_alloc(n, 1);
        memcpy(copy, host + at, n);
        cr_assert_eq(cuda_staging_copy(staging, (char *)device + at, copy, n, stream), OK);
        memset(copy, 0xEE, n);
        mem_free(copy);
        at += n;
    }
    cr_assert_eq(cudaMemcpyAsync(got, device, N, cudaMemcpyDeviceToHost, stream), cudaSuccess);
    cr_assert_eq(cudaStreamSynchronize(stream), cudaSuccess);
    cr_expect_arr_eq(got, host, N);
    cr_assert_eq(cudaFreeAsync(device, stream), cudaSuccess);
    cuda_staging_destroy(staging);
}

// Allocations of the host that fail leave nothing behind and are reported.
Test(emulator_backend, host_memory_runs_out)
{
    for (size_t nth = 1; nth < 4; nth++) {
        struct backend *backend = NULL;
        mem_fail_at(nth, false);
        enum status status = backend_create_cuda(0, &backend);
        mem_fail_at(0, false);
        if (status == OK) backend_destroy(backend);
        else cr_expect_eq(status, ERR_MEMORY, "%s", fail_message());
        cr_expect(nth > 1 || status == ERR_MEMORY);
    }
}
