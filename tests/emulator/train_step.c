// The host inside training steps on a device that goes its own pace: the CUDA backend with kernels
// that are not run. What the steps compute is never read, and so is worthless.
#include <criterion/criterion.h>
#include <string.h>

#include "cuda/backend.h"
#include "tests/emulator/emulator.h"
#include "tests/train/helper.h"
#include "train/loader_config.h"
#include "train/train_step.h"

enum { N_STEPS = 3 };

struct run {
    struct config config;
    struct session *session;
    struct loader *loader;
    struct step_log *log;
};

static void start(const char *folder, const char *const *settings, struct run *run)
{
    struct loader_config loader;
    helper_tiny_run(folder, 4, 0, &run->config);
    for (; *settings; settings++) helper_set(&run->config, *settings);
    // As `tarn train` does it (train/trainer.c).
    assert_ok(session_open_training(&run->config, "cuda", false, &run->session));
    cr_assert_str_eq(run->session->backend->name, "cuda");
    loader_config_training(&run->session->config, run->session->train, 0, &loader);
    loader.memory = &run->session->backend->pinned;
    loader.keeps_pixels = true;
    assert_ok(loader_create(&loader, &run->loader));
    assert_ok(step_log_create(run->session->backend, &run->log));
}

static void end(struct run *run)
{
    loader_destroy(run->loader);
    step_log_destroy(run->log);
    session_close(run->session);
}

static void expect_no_wait(const char *const *settings)
{
    struct run run;
    char folder[PATH_BYTES];
    helper_folder(folder);
    emulator_set_device(1, 90, (size_t)4 << 30);
    emulator_skip_kernels(true);
    start(folder, settings, &run);
    unsigned long before = emulator_wait_count(), launches = emulator_launch_count();
    cr_assert_gt(before, 0, "parameters were read and written");
    for (int64_t i = 0; i < N_STEPS; i++) {
        struct step_result result;
        assert_ok(train_step(run.session, run.loader, run.log, i, 0.01, &result));
        cr_expect_eq(emulator_wait_count(), before, "step %d waits for the device %lu times",
                     (int)i + 1, emulator_wait_count() - before);
        before = emulator_wait_count();
    }
    cr_expect_gt(emulator_launch_count(), launches + N_STEPS * 100ul);
    end(&run);
    helper_remove(folder);
}

TestSuite(emulator_train_step, .timeout = 300);

// With all kinds of limits on learned values, moving averages and clipping.
Test(emulator_train_step, retinanet_does_not_wait)
{
    static const char *const settings[] = {
        "backbone.pool.stem.type=ordinal", "backbone.pool.downsample.type=soft",
        "backbone.pool.downsample.learn_beta=true", "train.ema=0.99", "train.clip_norm=1", NULL};
    expect_no_wait(settings);
}

Test(emulator_train_step, mask_rcnn_does_not_wait)
{
    static const char *const settings[] = {"model.type=mask_rcnn", "train.optimizer=adamw",
                                           "train.precision=bf16", NULL};
    expect_no_wait(settings);
}
