#include "train/trainer.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "helper.h"
#include "nn/params.h"
#include "train/train_step.h"

static char folder[PATH_BYTES];
static struct config config;
static volatile sig_atomic_t stop;

static void setup(void)
{
    helper_folder(folder);
}

static void teardown(void)
{
    helper_remove(folder);
}

TestSuite(trainer, .init = setup, .fini = teardown, .timeout = 300);

static enum status train(const char *name, bool resume)
{
    char output[PATH_BYTES];
    struct session *session = NULL;
    bool continues = false;
    assert_ok(path_join(output, folder, name));
    struct trainer_options options = {
        .output = output, .resume = resume, .stop = &stop, .is_quiet = true};
    TRY(trainer_check_output(&options, &continues));
    TRY(session_open_training(&config, "cpu", !continues, &session));
    enum status status = trainer_run(session, &options);
    session_close(session);
    return status;
}

static bool same(const char *a, const char *b, const char *name)
{
    char x[PATH_BYTES], y[PATH_BYTES], folder_a[PATH_BYTES], folder_b[PATH_BYTES];
    assert_ok(path_join(folder_a, folder, a));
    assert_ok(path_join(folder_b, folder, b));
    assert_ok(path_join(x, folder_a, name));
    assert_ok(path_join(y, folder_b, name));
    return helper_same_files(x, y);
}

static bool exists(const char *run, const char *name)
{
    char path[PATH_BYTES], run_folder[PATH_BYTES];
    assert_ok(path_join(run_folder, folder, run));
    assert_ok(path_join(path, run_folder, name));
    return file_exists(path);
}

// Stopped after every single step and continued: the same bits, the moving statistics of batch
// norm and the evaluation in between included.
Test(trainer, resuming_changes_no_bit)
{
    helper_tiny_run(folder, 5, 2, &config);
    helper_set(&config, "train.eval_every=2");
    helper_set(&config, "train.keep_every=4");
    helper_set(&config, "train.threads=2"); // more than one, or the order of sums would not show
    assert_ok(train("whole", false));
    stop = 1;
    enum status status = train("parts", false);
    int n = 1;
    for (; status == ERR_INTERRUPTED && n < 20; n++) {
        if (n == 3) stop = 0; // the rest in one go, with the evaluation that was left out
        status = train("parts", true);
    }
    assert_ok(status);
    cr_assert_eq(n, 4);
    cr_assert(same("whole", "parts", "last.safetensors"));
    cr_assert(same("whole", "parts", "best.safetensors"));
    cr_assert(same("whole", "parts", "iteration_00000004.safetensors"));
    cr_assert(exists("parts", "ap.png") && exists("parts", "losses.png"));
}

// The second epoch meets an image that broke in the meantime: what was trained is kept.
Test(trainer, an_image_that_cannot_be_read_costs_nothing)
{
    char image[PATH_BYTES];
    helper_tiny_run(folder, 2, 0, &config);
    helper_set(&config, "train.checkpoint_every=1000");
    helper_set(&config, "train.iterations=1");
    assert_ok(train("run", false));
    for (int i = 1; i <= 2; i++) {
        char name[64];
        snprintf(name, sizeof name, "data/images/00000%d.jpg", i);
        helper_write(folder, name, "no image any more");
        assert_ok(path_join(image, folder, name));
    }
    helper_set(&config, "train.iterations=5");
    enum status status = train("run", true);
    cr_assert(status != OK && strstr(fail_message(), ".jpg"), "%s", fail_message());
    cr_assert(exists("run", "last.state.safetensors"));
}

Test(trainer, a_folder_with_another_run_is_refused)
{
    helper_tiny_run(folder, 2, 0, &config);
    helper_set(&config, "train.iterations=1");
    assert_ok(train("run", false));
    cr_assert(exists("run", "config.json") && exists("run", "log.jsonl"));
    cr_assert(!exists("run", "best.safetensors"));
    assert_fails(train("run", false), ERR_USAGE, "holds another run");
    assert_ok(train("run", true)); // finished: nothing to do
}

Test(trainer, resuming_in_an_empty_folder_begins)
{
    helper_tiny_run(folder, 2, 0, &config);
    helper_set(&config, "train.iterations=1");
    assert_ok(train("new", true));
    cr_assert(exists("new", "last.safetensors"));
}

Test(trainer, a_loss_that_is_not_finite_stops_before_any_file_changes)
{
    helper_tiny_run(folder, 3, 0, &config);
    assert_ok(train("good", false));
    helper_set(&config, "train.lr=1000");
    helper_set(&config, "train.warmup_iterations=0");
    helper_set(&config, "train.clip_norm=0");
    helper_set(&config, "train.steps=");
    helper_set(&config, "train.iterations=30");
    helper_set(&config, "train.checkpoint_every=1000");
    enum status status = train("bad", false);
    cr_assert_eq(status, ERR_NUMERIC, "%d %s", status, fail_message());
    cr_assert(strstr(fail_message(), "step "), "%s", fail_message());
    cr_assert(strstr(fail_message(), "image ids "), "%s", fail_message());
    cr_assert(!exists("bad", "last.safetensors"));
}

Test(trainer, other_layers_cannot_resume)
{
    helper_tiny_run(folder, 2, 0, &config);
    helper_set(&config, "train.iterations=1");
    assert_ok(train("run", false));
    helper_set(&config, "backbone.trainable_layers=3");
    assert_fails(train("run", true), ERR_DATA, "last.state.safetensors");
    helper_set(&config, "model.n_classes=9");
    assert_fails(train("run", true), ERR_DATA, "cls_logits");
}

Test(trainer, class_channels_follow_the_data)
{
    struct session *session = NULL;
    helper_tiny_run(folder, 2, 0, &config);
    assert_ok(session_open_training(&config, "cpu", true, &session));
    cr_assert_eq(session->config.model.n_classes, 3);
    cr_assert_eq(session->config.backbone.norm_eps, 1e-5);
    session_close(session);
    helper_set(&config, "model.n_classes=2");
    assert_fails(session_open_training(&config, "cpu", true, &session), ERR_USAGE, "model.n_classes");
    config_defaults(&config);
    assert_fails(session_open_training(&config, "cpu", true, &session), ERR_USAGE, "data.train_images");
}

// Two passes of one image each give the mean gradient, as one pass of both images does: the
// losses are normalised by image.
Test(trainer, accumulation_averages)
{
    double loss[2], norm[2];
    helper_tiny_run(folder, 2, 0, &config);
    helper_set(&config, "backbone.norm=gn");
    helper_set(&config, "data.min_size=64");
    helper_set(&config, "data.group_by_aspect=false");
    helper_set(&config, "data.flip=0");
    for (int i = 0; i < 2; i++) {
        struct session *session = NULL;
        struct loader *loader = NULL;
        struct step_result result;
        helper_set(&config, i ? "train.batch_size=2" : "train.batch_size=1");
        helper_set(&config, i ? "train.accumulate=1" : "train.accumulate=2");
        assert_ok(session_open_training(&config, "cpu", true, &session));
        struct loader_config lc;
        session_eval_loader(session, session->train, config.data.train_images, &lc);
        lc.batch_size = (int)config.train.batch_size;
        assert_ok(loader_create(&lc, &loader));
        assert_ok(train_step(session, loader, NULL, 0, 0.01, &result));
        loss[i] = result.loss;
        norm[i] = result.grad_norm;
        loader_destroy(loader);
        session_close(session);
    }
    cr_assert(fabs(loss[0] - loss[1]) < 1e-5 * loss[0], "%.9g %.9g", loss[0], loss[1]);
    cr_assert(fabs(norm[0] - norm[1]) < 1e-4 * norm[0], "%.9g %.9g", norm[0], norm[1]);
}
