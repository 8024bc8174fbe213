// Results of steps that are read later, as on a device that goes its own pace.
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "train/step_log.h"

static struct backend *backend;
static struct step_log *steps;

static void start(void)
{
    cr_assert_eq(backend_create_cpu(1, &backend), OK);
    cr_assert_eq(step_log_create(backend, &steps), OK);
}

static void stop(void)
{
    step_log_destroy(steps);
    backend_destroy(backend);
}

TestSuite(step_log, .init = start, .fini = stop);

// A step of two batches with losses a and b (of two roots) and a gradient's square.
static void run_step(int64_t iteration, float a, float b, float squared)
{
    struct tensor roots[3];
    float values[3] = {a, b, b};
    const int64_t one = 1;
    struct detector_losses losses = {.n = 2, .names = {"first", "second"}, .n_roots = 3,
                                     .root_loss = {0, 1, 1}};
    struct step_images images = {.used = 0};
    struct batch batch = {.n = 1, .image_ids = &iteration};
    for (int i = 0; i < 3; i++) {
        roots[i] = tensor_wrap(DTYPE_F32, 1, &one, &values[i]);
        losses.roots[i] = &roots[i];
    }
    step_log_begin(steps, iteration);
    for (int i = 0; i < 2; i++) cr_assert_eq(step_log_losses(steps, &losses, 0.5), OK);
    *step_log_norm(steps) = squared;
    step_images_note(&images, &batch);
    step_log_end(steps, &images, 0.25);
}

Test(step_log, all_steps_come_back_in_order)
{
    const struct step_result *results = NULL;
    int n = -1;
    cr_assert_eq(step_log_read(steps, &results, &n), OK);
    cr_assert_eq(n, 0);
    for (int i = 0; i < 3; i++) run_step(i, (float)i, 2, 16);
    cr_assert_eq(step_log_read(steps, &results, &n), OK);
    cr_assert_eq(n, 3);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(results[i].n_losses, 2);
        cr_assert_str_eq(results[i].names[1], "second");
        cr_assert_eq(results[i].losses[0], i);
        cr_assert_eq(results[i].losses[1], 4);
        cr_assert_eq(results[i].loss, i + 4);
        cr_assert_eq(results[i].grad_norm, 4);
        cr_assert_eq(results[i].wait, 0.25);
    }
    cr_assert_eq(step_log_read(steps, &results, &n), OK);
    cr_assert_eq(n, 0, "read twice");
}

Test(step_log, is_full_in_time)
{
    cr_assert_not(step_log_is_full(steps, STEP_LOG_MAX_BATCHES));
    int n = 0;
    for (; !step_log_is_full(steps, 2); n++) run_step(n, 1, 1, 1);
    cr_assert_gt(n, 20); // a line of the log
    const struct step_result *results = NULL;
    int n_read = 0;
    cr_assert_eq(step_log_read(steps, &results, &n_read), OK);
    cr_assert_eq(n_read, n);
    cr_assert_not(step_log_is_full(steps, 2));
}

// Named with its own step and images, however late.
Test(step_log, a_loss_that_is_not_finite)
{
    const struct step_result *results = NULL;
    int n = 0;
    run_step(6, 1, 1, 1);
    run_step(7, 1, INFINITY, 1);
    run_step(8, NAN, NAN, NAN);
    cr_assert_eq(step_log_read(steps, &results, &n), ERR_NUMERIC);
    cr_assert(strstr(fail_message(), "step 8: the second loss is inf; image ids 7."), "%s",
              fail_message());
}

Test(step_log, a_gradient_that_is_not_finite)
{
    const struct step_result *results = NULL;
    int n = 0;
    run_step(3, 1, 1, INFINITY);
    cr_assert_eq(step_log_read(steps, &results, &n), ERR_NUMERIC);
    cr_assert(strstr(fail_message(), "step 4, image ids 3: the gradient is not finite"), "%s",
              fail_message());
}
