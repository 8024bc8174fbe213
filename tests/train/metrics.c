#include "train/metrics.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/mem.h"
#include "helper.h"

static char folder[PATH_BYTES], path[PATH_BYTES];

static void setup(void)
{
    helper_folder(folder);
    assert_ok(path_join(path, folder, "log.jsonl"));
}

static void teardown(void)
{
    helper_remove(folder);
}

TestSuite(metrics, .init = setup, .fini = teardown);

static void step(struct metrics *metrics, int64_t iteration)
{
    static const char *const names[] = {"classification", "bbox_regression"};
    struct metrics_step s = {.iteration = iteration, .lr = 0.01, .loss = 1.5, .grad_norm = 2,
                             .images_per_second = 3, .data_wait = 0.25, .seconds = 4,
                             .n_losses = 2, .names = names, .losses = {1, 0.5}};
    assert_ok(metrics_log_step(metrics, &s));
}

static void evaluation(struct metrics *metrics, int64_t iteration)
{
    struct evaluate_stats stats = {.has_masks = false};
    for (int i = 0; i < COCO_STATS; i++) stats.boxes[i] = 0.1 * i;
    assert_ok(metrics_log_eval(metrics, iteration, 1.5, &stats));
}

static bool has_file(const char *name)
{
    char file[PATH_BYTES];
    assert_ok(path_join(file, folder, name));
    return file_exists(file);
}

Test(metrics, lines_and_charts)
{
    struct metrics *metrics = NULL;
    assert_ok(metrics_open(folder, 0, &metrics));
    step(metrics, 20);
    assert_ok(metrics_draw(metrics));
    cr_assert(has_file("losses.png"));
    cr_assert(!has_file("ap.png"));
    evaluation(metrics, 20);
    assert_ok(metrics_draw(metrics));
    cr_assert(has_file("ap.png"));
    size_t n = 0;
    char *text = helper_read(path, &n);
    cr_assert_eq(metrics_log_bytes(metrics), n);
    cr_assert(strstr(text, "{\"kind\":\"train\",\"iteration\":20,\"lr\":0.01,\"loss\":1.5,"
                           "\"losses\":{\"classification\":1,\"bbox_regression\":0.5},"
                           "\"grad_norm\":2,"));
    cr_assert(strstr(text, "{\"kind\":\"eval\",\"iteration\":20,\"seconds\":1.5,"
                           "\"stats\":{\"AP\":0"));
    mem_free(text);
    metrics_close(metrics);
}

Test(metrics, going_on_cuts_what_came_after_the_checkpoint)
{
    struct metrics *metrics = NULL;
    assert_ok(metrics_open(folder, 0, &metrics));
    for (int64_t i = 1; i <= 40; i++) step(metrics, i);
    evaluation(metrics, 40);
    uint64_t kept = metrics_log_bytes(metrics);
    step(metrics, 41);
    metrics_close(metrics);
    assert_ok(metrics_open(folder, kept, &metrics));
    cr_assert_eq(metrics_log_bytes(metrics), kept);
    step(metrics, 41);
    assert_ok(metrics_draw(metrics));
    metrics_close(metrics);
    size_t n = 0;
    int lines = 0;
    char *text = helper_read(path, &n);
    for (size_t i = 0; i < n; i++) lines += text[i] == '\n';
    cr_assert_eq(lines, 42);
    mem_free(text);
}

Test(metrics, masks_and_eight_losses)
{
    static const char *const names[DETECTOR_MAX_LOSSES] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    struct metrics *metrics = NULL;
    struct metrics_step s = {.iteration = 1, .n_losses = DETECTOR_MAX_LOSSES, .names = names};
    struct evaluate_stats stats = {.has_masks = true};
    for (int i = 0; i < DETECTOR_MAX_LOSSES; i++) s.losses[i] = i + 1;
    for (int i = 0; i < COCO_STATS; i++) stats.masks[i] = 0.25;
    assert_ok(metrics_open(folder, 0, &metrics));
    assert_ok(metrics_log_step(metrics, &s));
    assert_ok(metrics_log_eval(metrics, 1, 2, &stats));
    uint64_t kept = metrics_log_bytes(metrics);
    metrics_close(metrics);
    assert_ok(metrics_open(folder, kept, &metrics)); // reads the lines again
    assert_ok(metrics_draw(metrics));
    metrics_close(metrics);
    size_t n = 0;
    char *text = helper_read(path, &n);
    cr_assert(strstr(text, "\"losses\":{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,"
                           "\"h\":8}"));
    cr_assert(strstr(text, "\"mask_stats\":{\"AP\":0.25,"));
    mem_free(text);
}

Test(metrics, a_log_that_was_lost_or_damaged)
{
    struct metrics *metrics = NULL;
    assert_ok(metrics_open(folder, 500, &metrics)); // it was deleted: start again
    step(metrics, 1);
    metrics_close(metrics);
    helper_write(folder, "log.jsonl", "{\"kind\":\"train\",\"iteration\":\n");
    assert_fails(metrics_open(folder, 29, &metrics), ERR_PARSE, "log.jsonl");
    helper_write(folder, "log.jsonl", "{\"kind\":\"train\"}\n");
    assert_fails(metrics_open(folder, 17, &metrics), ERR_DATA, "log.jsonl");
}
