#define _XOPEN_SOURCE 700
#include "helper.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "coco/synth.h"
#include "tests/remove_tree.h"

void helper_folder(char path[PATH_BYTES])
{
    // In memory where possible: checkpoints are fsynced, which disks take long for.
    bool has_memory = access("/dev/shm", W_OK) == 0;
    snprintf(path, PATH_BYTES, "%s/tarn-test-XXXXXX", has_memory ? "/dev/shm" : "/tmp");
    cr_assert(mkdtemp(path));
    log_set_quiet(true);
}

void helper_remove(const char *path)
{
    remove_tree(path);
}

void helper_write(const char *folder, const char *name, const char *text)
{
    char path[PATH_BYTES];
    assert_ok(path_join(path, folder, name));
    assert_ok(file_write(path, text, strlen(text)));
}

char *helper_read(const char *path, size_t *n_bytes)
{
    char *text = NULL;
    assert_ok(file_read(path, 0, &text, n_bytes));
    return text;
}

bool helper_same_files(const char *a, const char *b)
{
    size_t n = 0, m = 0;
    char *x = helper_read(a, &n), *y = helper_read(b, &m);
    bool same = n == m && memcmp(x, y, n) == 0;
    mem_free(x);
    mem_free(y);
    return same;
}

void helper_set(struct config *config, const char *assignment)
{
    assert_ok(config_override(config, 1, &assignment));
}

static void set_path(struct config *config, const char *key, const char *folder, const char *name)
{
    char assignment[PATH_BYTES + 64];
    snprintf(assignment, sizeof assignment, "%s=%s/%s", key, folder, name);
    helper_set(config, assignment);
}

void helper_tiny_run(const char *folder, int n_train, int n_val, struct config *config)
{
    static const char *const settings[] = {
        "data.min_size=64,96",      "data.max_size=96",         "data.threads=1",
        "backbone.type=resnet18",   "backbone.norm=bn",         "backbone.trainable_layers=5",
        "train.iterations=4",       "train.batch_size=1",       "train.accumulate=2",
        "train.warmup_iterations=2", "train.checkpoint_every=2", "train.log_every=2",
        "train.threads=1",          "train.clip_norm=10",
    };
    char data[PATH_BYTES];
    assert_ok(path_join(data, folder, "data"));
    struct synth_config synth = {.output = data, .n_images = n_train + n_val, .n_val = n_val,
                                 .width = 64, .height = 64, .n_classes = 2, .smallest = 0.12, .seed = 1};
    assert_ok(synth_write(&synth));
    config_defaults(config);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) helper_set(config, settings[i]);
    set_path(config, "data.train_images", data, "images");
    set_path(config, "data.train_annotations", data, "annotations/train.json");
    if (n_val == 0) return;
    const char *pair[2];
    char images[PATH_BYTES + 64], annotations[PATH_BYTES + 64];
    snprintf(images, sizeof images, "data.val_images=%s/images", data);
    snprintf(annotations, sizeof annotations, "data.val_annotations=%s/annotations/val.json", data);
    pair[0] = images;
    pair[1] = annotations;
    assert_ok(config_override(config, 2, pair));
}
