// The emulator runs right kernels rightly and finds wrong ones.
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#include "base/arena.h"
#include "base/sanitizer.h"
#include "cuda/backend.h"
#include "tests/emulator/emulator.h"
#include "tests/emulator/faulty.h"

enum { N = 256, BLOCK = 64 };

struct fixture {
    struct backend *backend;
    int *device, host[N];
    const char *text;
};

static void start(struct fixture *f)
{
    cr_assert_eq(backend_create_cuda(0, &f->backend), OK, "%s", fail_message());
    f->device = (int *)f->backend->memory.get(f->backend->memory.context, sizeof f->host);
    cr_assert(f->device != NULL, "%s", fail_message());
    for (int i = 0; i < N; i++) f->host[i] = i;
}

static void stop(struct fixture *f)
{
    f->backend->memory.put(f->backend->memory.context, f->device, sizeof f->host);
    backend_destroy(f->backend);
}

static int run(struct fixture *f, enum faulty which, int n)
{
    cr_assert_eq(f->backend->upload(f->backend, f->device, f->host, sizeof f->host), OK);
    return emu_run(which, f->device, n, &f->text);
}

static void run_right(struct fixture *f, enum faulty which, int n)
{
    int error = run(f, which, n);
    cr_assert_eq(error, 0, "%s", f->text);
    cr_assert_eq(f->backend->download(f->backend, f->host, f->device, sizeof f->host), OK);
}

Test(emulator, shared_memory_and_barriers)
{
    struct fixture f;
    start(&f);
    for (int round = 0; round < 8; round++) { // in every order of threads
        for (int i = 0; i < N; i++) f.host[i] = i;
        run_right(&f, EMU_REVERSE, N);
        for (int i = 0; i < N; i++)
            cr_assert_eq(f.host[i], i / BLOCK * BLOCK + BLOCK - 1 - i % BLOCK);
        for (int i = 0; i < N; i++) f.host[i] = i;
        run_right(&f, EMU_WARP_SCAN, BLOCK);
        for (int i = 0; i < BLOCK; i++) cr_assert_eq(f.host[i], i * (i - 1) / 2);
    }
    stop(&f);
}

Test(emulator, shuffles_and_votes)
{
    struct fixture f;
    start(&f);
    run_right(&f, EMU_SHUFFLES, 32);
    for (int i = 0; i < 32; i++) cr_expect_eq(f.host[i], 10, "lane %d passes %d", i, f.host[i]);
    stop(&f);
}

Test(emulator, places_in_the_grid)
{
    struct fixture f;
    start(&f);
    run_right(&f, EMU_GRID, 0);
    for (int i = 0; i < 12 * 16; i++) cr_assert_eq(f.host[i], i / 16 * 1000 + i % 16);
    stop(&f);
}

Test(emulator, atomic_operations)
{
    struct fixture f;
    start(&f);
    memset(f.host, 0, sizeof f.host);
    run_right(&f, EMU_ATOMICS, 0);
    const int wanted[] = {3 * BLOCK, BLOCK - 1, 1 - BLOCK, 255, 6 * BLOCK};
    cr_expect_arr_eq(f.host, wanted, sizeof wanted);
    stop(&f);
}

Test(emulator, more_shared_memory_when_asked_for)
{
    struct fixture f;
    start(&f);
    cr_expect_neq(run(&f, EMU_MUCH_SHARED, 1), 0);
    cr_expect_eq(emu_run_asked(f.device, &f.text), 0, "%s", f.text);
    stop(&f);
}

// Threads in different orders: what a missing barrier or a race gives is not always the same.
static bool repeats(enum faulty which, int n)
{
    struct fixture f;
    int first[N];
    bool same = true;
    start(&f);
    for (int round = 0; round < 12; round++) {
        for (int i = 0; i < N; i++) f.host[i] = i;
        run_right(&f, which, n);
        if (round == 0) memcpy(first, f.host, sizeof first);
        same = same && memcmp(first, f.host, sizeof first) == 0;
    }
    stop(&f);
    return same;
}

Test(emulator, races_do_not_repeat)
{
    cr_expect(repeats(EMU_REVERSE, N));
    cr_expect(!repeats(EMU_NO_BARRIER, BLOCK), "a missing barrier");
    cr_expect(!repeats(EMU_RACE_OF_BLOCKS, N), "blocks that wait for each other");
}

static void expect_found(enum faulty which, const char *part)
{
    struct fixture f;
    start(&f);
    for (int round = 0; round < 8; round++) {
        int error = run(&f, which, BLOCK);
        cr_expect_neq(error, 0, "\"%s\" is not found", part);
        cr_expect(strstr(f.text, part) != NULL, "the message \"%s\" lacks \"%s\"", f.text, part);
    }
    run_right(&f, EMU_REVERSE, N); // and it goes on
    stop(&f);
}

Test(emulator, divergent_barriers_are_found)
{
    expect_found(EMU_HALF_AT_BARRIER, "is reached by 32 of 64 threads, 32 have returned");
    expect_found(EMU_TWO_BARRIERS, "divergent barrier");
}

Test(emulator, partial_shuffles_are_found)
{
    expect_found(EMU_HALF_SHUFFLES, "is reached by 16 of 32 lanes");
    expect_found(EMU_TWO_SHUFFLES, "divergent warp");
    expect_found(EMU_PARTIAL_MASK, "with mask 0000ffff");
    expect_found(EMU_SMALL_WARP, "in a warp of 16 threads");
}

Test(emulator, impossible_launches_are_found)
{
    expect_found(EMU_EMPTY_GRID, "an empty grid");
    expect_found(EMU_MANY_THREADS, "2048 x 1 x 1 threads");
}

#if HAS_ADDRESS_SANITIZER
// The sanitizer itself stops the program.
Test(emulator, overruns_of_shared_memory_are_found, .signal = SIGABRT)
{
    struct fixture f;
    start(&f);
    (void)run(&f, EMU_SHARED_OVERRUN, 32);
}

Test(emulator, overruns_of_shared_arrays_are_found, .signal = SIGABRT)
{
    struct fixture f;
    start(&f);
    (void)run(&f, EMU_STATIC_OVERRUN, BLOCK);
}

// Though the memory behind it is the next tensor's.
Test(emulator, overruns_of_tensors_are_found, .signal = SIGABRT)
{
    struct fixture f;
    struct arena arena;
    start(&f);
    arena_init(&arena, &f.backend->memory);
    int *tensor = (int *)arena_alloc(&arena, (N - 1) * sizeof *tensor);
    cr_assert(tensor != NULL && arena_alloc(&arena, N * sizeof *tensor) != NULL);
    cr_assert_eq(emu_run(EMU_REVERSE, tensor, N - BLOCK, &f.text), 0, "%s", f.text);
    (void)emu_run(EMU_REVERSE, tensor, N, &f.text);
}

Test(emulator, the_host_does_not_see_device_memory, .signal = SIGABRT)
{
    struct fixture f;
    start(&f);
    f.host[0] = *(volatile int *)f.device;
}
#else
Test(emulator, overruns_of_shared_memory_are_found)
{
    expect_found(EMU_SHARED_OVERRUN, "wrote behind its 32 bytes of shared memory");
}
#endif
