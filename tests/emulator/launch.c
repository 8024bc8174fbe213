#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sanitizer.h"
#include "tests/emulator/emulator.h"
#include "tests/emulator/fiber.h"

enum { WARP = 32, MAX_THREADS = 1024, MAX_WARPS = MAX_THREADS / WARP, MARGIN_BYTES = 64 };
static const uint32_t spoiled = 0x7FC0DEADu; // a NaN; as an integer far from any index

uint3 threadIdx, blockIdx, blockDim, gridDim;

enum state { FRESH, RUNNABLE, AT_BARRIER, AT_EXCHANGE, DONE };

struct thread {
    enum state state;
    struct fiber *fiber;
    unsigned n_exchanges;
};

// Lanes that run ahead to the next exchange must not overwrite what others have yet to read; they
// can be ahead by one.
struct warp {
    uint64_t values[2][WARP];
    int n_arrived;
    const char *what, *file;
    int line;
};

static struct {
    const struct emulator_request *launch;
    struct thread threads[MAX_THREADS];
    struct warp warps[MAX_WARPS];
    int order[MAX_THREADS]; // of the threads
    int n_threads, n_done, cursor, current;
    int n_at_barrier;
    const char *barrier_file;
    int barrier_line;
    bool failed;
    void *shared;
} run;

static struct fiber *fibers[MAX_THREADS]; // kept from block to block
static int n_fibers, n_idle;
static struct fiber *idle[MAX_THREADS];
static unsigned long n_launches;
static char message[512];

unsigned long emulator_launch_count(void)
{
    return n_launches;
}

const char *emulator_message(void)
{
    return message;
}

void emulator_fail(const char *format, ...)
{
    va_list arguments;
    if (message[0]) return; // the first one tells what happened
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
}

void emulator_clear(void)
{
    message[0] = '\0';
}

// ---- threads -----------------------------------------------------------------------------------

static void enter(int thread)
{
    unsigned t = (unsigned)thread;
    run.current = thread;
    threadIdx.x = t % blockDim.x;
    threadIdx.y = t / blockDim.x % blockDim.y;
    threadIdx.z = t / blockDim.x / blockDim.y;
}

static void leave(enum state state)
{
    int self = run.current;
    run.threads[self].state = state;
    fiber_to_main(run.threads[self].fiber);
}

// The block is given up: this fiber is never resumed, only restarted.
static void give_up(void)
{
    run.failed = true;
    leave(DONE);
}

// One fiber takes thread after thread while they do not wait: a kernel without barriers needs no
// switch.
static void worker(void)
{
    struct fiber *self = run.threads[run.current].fiber;
    for (;;) {
        run.launch->call(run.launch->context);
        run.threads[run.current].state = DONE;
        run.n_done++;
        int next = run.cursor < run.n_threads ? run.order[run.cursor] : -1;
        if (next >= 0 && run.threads[next].state == FRESH) {
            run.cursor++;
            run.threads[next].fiber = self;
            run.threads[next].state = RUNNABLE;
            enter(next);
            continue;
        }
        idle[n_idle++] = self;
        fiber_to_main(self);
    }
}

static bool resume(int thread)
{
    struct thread *t = &run.threads[thread];
    if (t->state == FRESH) {
        if (n_idle == 0) {
            struct fiber *fiber = fiber_create(worker);
            if (!fiber) {
                emulator_fail("%s: no memory for %d fibers", run.launch->kernel, n_fibers + 1);
                run.failed = true;
                return false;
            }
            fibers[n_fibers++] = fiber;
            idle[n_idle++] = fiber;
        }
        t->fiber = idle[--n_idle];
        t->state = RUNNABLE;
    }
    enter(thread);
    fiber_run(t->fiber);
    return true;
}

// ---- waiting for each other --------------------------------------------------------------------

void emulator_barrier(const char *file, int line)
{
    if (run.n_at_barrier == 0) {
        run.barrier_file = file;
        run.barrier_line = line;
    } else if (line != run.barrier_line || strcmp(file, run.barrier_file) != 0) {
        emulator_fail("%s: divergent barrier: thread %d is at %s:%d, others at %s:%d",
                      run.launch->kernel, run.current, file, line, run.barrier_file,
                      run.barrier_line);
        give_up();
    }
    if (++run.n_at_barrier < run.n_threads) {
        leave(AT_BARRIER);
        return;
    }
    run.n_at_barrier = 0;
    for (int i = 0; i < run.n_threads; i++)
        if (run.threads[i].state == AT_BARRIER) run.threads[i].state = RUNNABLE;
}

unsigned emulator_lane(void)
{
    return (unsigned)run.current % WARP;
}

const uint64_t *emulator_exchange(const char *what, unsigned mask, uint64_t value, const char *file,
                                  int line)
{
    struct thread *self = &run.threads[run.current];
    int warp_number = run.current / WARP;
    struct warp *warp = &run.warps[warp_number];
    if (mask != 0xFFFFFFFFu) {
        emulator_fail("%s: %s at %s:%d with mask %08x: all 32 lanes must take part",
                      run.launch->kernel, what, file, line, mask);
        give_up();
    }
    if ((warp_number + 1) * WARP > run.n_threads) {
        emulator_fail("%s: %s at %s:%d in a warp of %d threads", run.launch->kernel, what, file,
                      line, run.n_threads % WARP);
        give_up();
    }
    if (warp->n_arrived == 0) {
        warp->what = what;
        warp->file = file;
        warp->line = line;
    } else if (line != warp->line || strcmp(file, warp->file) != 0) {
        emulator_fail("%s: divergent warp: thread %d is in %s at %s:%d, others in %s at %s:%d",
                      run.launch->kernel, run.current, what, file, line, warp->what, warp->file,
                      warp->line);
        give_up();
    }
    uint64_t *values = warp->values[self->n_exchanges++ % 2];
    values[run.current % WARP] = value;
    if (++warp->n_arrived < WARP) {
        leave(AT_EXCHANGE);
        return values;
    }
    warp->n_arrived = 0;
    for (int i = warp_number * WARP; i < (warp_number + 1) * WARP; i++)
        if (run.threads[i].state == AT_EXCHANGE) run.threads[i].state = RUNNABLE;
    return values;
}

static void report_deadlock(void)
{
    for (int w = 0; w * WARP < run.n_threads; w++)
        if (run.warps[w].n_arrived > 0) {
            emulator_fail("%s: %s at %s:%d is reached by %d of 32 lanes", run.launch->kernel,
                          run.warps[w].what, run.warps[w].file, run.warps[w].line,
                          run.warps[w].n_arrived);
            return;
        }
    emulator_fail("%s: the barrier at %s:%d is reached by %d of %d threads, %d have returned",
                  run.launch->kernel, run.barrier_file, run.barrier_line, run.n_at_barrier,
                  run.n_threads, run.n_done);
}

// ---- memory ------------------------------------------------------------------------------------

void *emulator_dynamic_shared(void)
{
    return run.shared;
}

static void spoil(void *memory, size_t bytes)
{
    unsigned char *at = (unsigned char *)memory;
    for (size_t i = 0; i < bytes; i++) at[i] = (unsigned char)(spoiled >> i % 4 * 8);
}

#if HAS_ADDRESS_SANITIZER
enum { MARGIN = 0 }; // the sanitizer watches the bytes behind the block
#else
enum { MARGIN = MARGIN_BYTES };
#endif

static bool margin_is_whole(size_t bytes)
{
    const unsigned char *margin = (const unsigned char *)run.shared + bytes;
    for (int i = 0; i < MARGIN; i++)
        if (margin[i] != 0xA5) return false;
    return true;
}

// __shared__ variables stand in a section of their own (tests/emulator/include/cuda_runtime.h).
extern char __start_tarn_shared[] __attribute__((weak));
extern char __stop_tarn_shared[] __attribute__((weak));

__attribute__((no_sanitize("address", "undefined"))) static void spoil_static_shared(void)
{
    volatile uint32_t *at = (volatile uint32_t *)(void *)__start_tarn_shared;
    size_t n = (size_t)(__stop_tarn_shared - __start_tarn_shared) / sizeof *at;
    for (size_t i = 0; i < n; i++) at[i] = spoiled;
}

// ---- launches ----------------------------------------------------------------------------------

static uint32_t mix(uint32_t x)
{
    x = (x ^ x >> 16) * 0x7FEB352Du;
    x = (x ^ x >> 15) * 0x846CA68Bu;
    return x ^ x >> 16;
}

// Forward, backward, or shuffled.
static void choose_order(uint32_t random)
{
    int n = run.n_threads;
    for (int i = 0; i < n; i++) run.order[i] = random % 4 == 1 ? n - 1 - i : i;
    if (random % 4 < 2) return;
    for (int i = n - 1; i > 0; i--) {
        random = mix(random + 0x9E3779B9u);
        int other = (int)(random % (uint32_t)(i + 1)), kept = run.order[i];
        run.order[i] = run.order[other];
        run.order[other] = kept;
    }
}

static bool run_block(void)
{
    run.n_done = 0;
    run.n_at_barrier = 0;
    run.failed = false;
    for (int i = 0; i < run.n_threads; i++)
        run.threads[i] = (struct thread){.state = FRESH, .fiber = NULL, .n_exchanges = 0};
    for (int i = 0; i * WARP < run.n_threads; i++) run.warps[i].n_arrived = 0;
    while (run.n_done < run.n_threads && !run.failed) {
        bool progress = false;
        run.cursor = 0;
        while (run.cursor < run.n_threads && !run.failed) {
            int thread = run.order[run.cursor++];
            enum state state = run.threads[thread].state;
            if (state != FRESH && state != RUNNABLE) continue;
            progress = true;
            if (!resume(thread)) break;
        }
        if (!progress && !run.failed) {
            report_deadlock();
            run.failed = true;
        }
    }
    if (!run.failed) return true;
    n_idle = 0;
    for (int i = 0; i < n_fibers; i++) {
        fiber_restart(fibers[i]);
        idle[n_idle++] = fibers[i];
    }
    return false;
}

static bool is_possible(const struct emulator_request *launch)
{
    uint3 g = launch->grid, b = launch->block;
    unsigned long n = (unsigned long)b.x * b.y * b.z;
    if (g.x == 0 || g.y == 0 || g.z == 0 || n == 0)
        emulator_fail("%s: launched with an empty grid or block", launch->kernel);
    else if (g.x > 0x7FFFFFFFu || g.y > 65535 || g.z > 65535)
        emulator_fail("%s: a grid of %u x %u x %u", launch->kernel, g.x, g.y, g.z);
    else if (n > MAX_THREADS || b.z > 64)
        emulator_fail("%s: %u x %u x %u threads", launch->kernel, b.x, b.y, b.z);
    else if (!emulator_shared_allowed(launch->address, launch->shared_bytes))
        emulator_fail("%s: %zu bytes of shared memory", launch->kernel, launch->shared_bytes);
    else
        return true;
    return false;
}

static bool skips_kernels;

void emulator_skip_kernels(bool skips)
{
    skips_kernels = skips;
}

static void run_launch(const struct emulator_request *launch)
{
    emulator_flush_copies();
    if (message[0] || !is_possible(launch)) return; // a failed device stays so until asked
    uint32_t random = mix((uint32_t)++n_launches);
    emulator_note_kernel(launch->stream);
    if (skips_kernels) return;
    run.launch = launch;
    run.n_threads = (int)(launch->block.x * launch->block.y * launch->block.z);
    blockDim = launch->block;
    gridDim = launch->grid;
    choose_order(random);
    run.shared = malloc(launch->shared_bytes + MARGIN);
    if (!run.shared) {
        emulator_fail("%s: no memory", launch->kernel);
        return;
    }
    memset((char *)run.shared + launch->shared_bytes, 0xA5, MARGIN);
    emulator_show_memory(VISIBLE_OBJECTS);
    uint64_t n_blocks = (uint64_t)gridDim.x * gridDim.y * gridDim.z;
    for (uint64_t i = 0; i < n_blocks; i++) {
        uint64_t block = random & 4 ? n_blocks - 1 - i : i;
        blockIdx.x = (unsigned)(block % gridDim.x);
        blockIdx.y = (unsigned)(block / gridDim.x % gridDim.y);
        blockIdx.z = (unsigned)(block / gridDim.x / gridDim.y);
        spoil(run.shared, launch->shared_bytes);
        spoil_static_shared();
        if (!run_block()) break;
        if (!margin_is_whole(launch->shared_bytes)) {
            emulator_fail("%s: wrote behind its %zu bytes of shared memory", launch->kernel,
                          launch->shared_bytes);
            break;
        }
    }
    emulator_show_memory(VISIBLE_NOTHING);
    free(run.shared);
    run.shared = NULL;
}

void emulator_run(const struct emulator_request *launch)
{
    emulator_lock(true);
    run_launch(launch);
    emulator_lock(false);
}
