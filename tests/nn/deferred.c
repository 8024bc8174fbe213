// Operations that are noted and run later, as a whole.
#include <criterion/criterion.h>

#include "host_backend.h"
#include "nn/ops.h"

static uint64_t last_key;
static int n_replays;

static enum status replay(struct backend *backend, uint64_t key, enum status (*run)(void *context),
                          void *context)
{
    (void)backend;
    last_key = key;
    n_replays++;
    return run(context);
}

static struct tape *tape;

static void start(void)
{
    host_backend()->replay = replay;
    cr_assert_eq(tape_create(host_backend(), &tape), OK);
    n_replays = 0;
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
