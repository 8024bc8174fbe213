// Operations that are noted and run later, as a whole.
#include <criterion/criterion.h>

#include "nn/tape.h"

// Arguments of operations have no bytes without a name: they are part of a sequence's key.
#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded"
#include "nn/window.h"
#pragma GCC diagnostic pop
#include "nn/pool.h"
#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded"
#include "nn/ops.h"
#include "nn/ops_map.h"
#include "nn/ops_rcnn.h"
#pragma GCC diagnostic pop

#include "host_backend.h"

static uint64_t last_key;
static int n_replays;
static bool is_skipped; // what was noted is not run

static enum status replay(struct backend *backend, uint64_t key, enum status (*run)(void *context),
                          void *context)
{
    (void)backend;
    last_key = key;
    n_replays++;
    return is_skipped ? OK : run(context);
}

static struct tape *tape;

static void start(void)
{
    host_backend()->replay = replay;
    cr_assert_eq(tape_create(host_backend(), &tape), OK);
    n_replays = 0;
    is_skipped = false;
}

static void stop(void)
{
    tape_destroy(tape);
    host_backend()->replay = NULL;
}

TestSuite(deferred, .init = start, .fini = stop);

static struct tensor *make(int64_t n, float value)
{
    const int64_t shape[4] = {1, 1, 1, n};
    struct tensor *t = NULL;
    cr_assert_eq(tape_tensor(tape, DTYPE_F32, 4, shape, &t), OK);
    for (int64_t i = 0; i < n; i++) ((float *)t->data)[i] = value;
    return t;
}

// x doubled three times; what lies between is dropped, and its memory taken by the next.
static struct tensor *chain(struct tensor *x)
{
    for (int i = 0; i < 3; i++) {
        struct tensor *y = NULL;
        cr_assert_eq(relu(tape, x, &y), OK); // the host's doubles
        if (i > 0) tape_drop(tape, x);
        x = y;
    }
    return x;
}

Test(deferred, nothing_runs_before_its_time)
{
    struct tensor *x = make(5, 1);
    tape_defer(tape);
    struct tensor *y = chain(x);
    ((float *)x->data)[4] = 2; // seen, as the first operation comes later
    cr_assert_eq(tape_run_deferred(tape), OK);
    cr_assert_eq(n_replays, 1);
    cr_assert_eq(((float *)y->data)[0], 8);
    cr_assert_eq(((float *)y->data)[4], 16);
}

Test(deferred, one_key_for_the_same_work_in_the_same_memory)
{
    uint64_t keys[3];
    for (int i = 0; i < 3; i++) {
        tape_reset(tape);
        struct tensor *x = make(i < 2 ? 5 : 6, 1);
        tape_defer(tape);
        (void)chain(x);
        cr_assert_eq(tape_run_deferred(tape), OK);
        keys[i] = last_key;
    }
    cr_assert_eq(keys[0], keys[1]);
    cr_assert_neq(keys[1], keys[2]);
}

static __attribute__((noinline)) void leave_on_stack(int value)
{
    volatile unsigned char bytes[1024];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)value;
}

static __attribute__((noinline)) enum status convolve(struct tensor *x, struct tensor *w)
{
    struct depthwise_conv2d_args args = {.window = window_square(3, 1, 1)};
    struct tensor *y;
    return depthwise_conv2d(tape, x, w, NULL, &args, &y);
}

Test(deferred, a_key_has_nothing_of_what_was_on_the_stack)
{
    const int64_t x_shape[4] = {1, 5, 5, 2}, w_shape[3] = {3, 3, 2};
    uint64_t keys[2];
    is_skipped = true;
    for (int i = 0; i < 2; i++) {
        struct tensor *x = NULL, *w = NULL;
        tape_reset(tape);
        cr_assert_eq(tape_tensor(tape, DTYPE_F32, 4, x_shape, &x), OK);
        cr_assert_eq(tape_tensor(tape, DTYPE_F32, 3, w_shape, &w), OK);
        tape_defer(tape);
        leave_on_stack(i ? 0xAA : 0x55);
        cr_assert_eq(convolve(x, w), OK);
        cr_assert_eq(tape_run_deferred(tape), OK);
        keys[i] = last_key;
    }
    cr_assert_eq(keys[0], keys[1]);
}

Test(deferred, recording_is_not_deferred)
{
    tape->recording = true;
    struct tensor *x = make(5, 1);
    x->needs_grad = true;
    tape_defer(tape);
    struct tensor *y = chain(x);
    cr_assert_eq(((float *)y->data)[0], 8);
    cr_assert_eq(tape_run_deferred(tape), OK);
    cr_assert_eq(n_replays, 0);
    cr_assert_eq(tape_backward(tape, 1, &y, 1.0f), OK);
    cr_assert_eq(((float *)x->grad)[0], 8);
}

Test(deferred, a_reset_forgets)
{
    tape_defer(tape);
    (void)chain(make(5, 1));
    tape_reset(tape);
    cr_assert_eq(tape_run_deferred(tape), OK);
    cr_assert_eq(n_replays, 0);
}
