#include "train/experiment.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "helper.h"

static char folder[PATH_BYTES], path[PATH_BYTES];
static struct experiment *experiment;

static void setup(void)
{
    helper_folder(folder);
    helper_write(folder, "base.json",
                 "{\"data\": {\"train_images\": \"t\", \"train_annotations\": \"t.json\","
                 " \"val_images\": \"v\", \"val_annotations\": \"v.json\"},"
                 " \"train\": {\"iterations\": 10, \"lr\": 0.5, \"batch_size\": 2}}");
    helper_write(folder, "small.json",
                 "{\"base\": \"base.json\", \"backbone\": {\"type\": \"resnet18\"}}");
    helper_write(folder, "small_soft.json",
                 "{\"base\": \"small.json\", \"model\": {\"weights\": \"soft.safetensors\"}}");
    assert_ok(path_join(path, folder, "experiment.json"));
    experiment = NULL;
}

static void teardown(void)
{
    experiment_free(experiment);
    helper_remove(folder);
}

TestSuite(experiment, .init = setup, .fini = teardown);

static enum status load(const char *text, const char *override)
{
    helper_write(folder, "experiment.json", text);
    experiment_free(experiment);
    experiment = NULL;
    return experiment_load(path, override ? 1 : 0, &override, &experiment);
}

#define MODELS  "\"models\": [{\"name\": \"A\"}]"
#define POOLINGS "\"poolings\": [{\"name\": \"max\"}, {\"name\": \"soft\"}]"
#define BASE    "\"base\": \"base.json\""

Test(experiment, runs_in_order)
{
    static const char *const names[] = {"a_1-max-seed7", "a_1-soft-seed7", "b-max-seed7",
                                        "b-soft-seed7",  "a_1-max-seed3",  "a_1-soft-seed3",
                                        "b-max-seed3",   "b-soft-seed3"};
    assert_ok(load("{" BASE ", \"models\": [{\"name\": \"A (1)\"}, {\"name\": \"B\"}], " POOLINGS
                   ", \"seeds\": [7, 3]}", NULL));
    cr_assert_eq(experiment->n_runs, 8);
    for (size_t i = 0; i < 8; i++) cr_expect_str_eq(experiment->runs[i].name, names[i]);
    const struct experiment_run *run = experiment_run_at(experiment, 1, 0, 1);
    cr_expect_str_eq(run->name, "b-max-seed3");
    cr_expect_eq(run->config.train.seed, 3);
    cr_expect_str_eq(experiment->models[0], "A (1)");
    cr_expect_eq(experiment->settings.checkpoint, CHECKPOINT_LAST);
    cr_expect_eq(experiment->settings.resamples, 1000);
}

// Each setting overrules the ones before it; a run without a setting of its own keeps theirs.
Test(experiment, later_settings_win)
{
    assert_ok(load(
        "{" BASE ", \"set\": {\"train\": {\"lr\": 0.1, \"iterations\": 20}, \"train.momentum\": 0.1},"
        "\"models\": [{\"name\": \"A\", \"set\": {\"train.lr\": 0.2, \"train.gamma\": 0.2}},"
        " {\"name\": \"B\", \"base\": \"small.json\", \"configs\": {\"soft\": \"small_soft.json\"}}],"
        "\"poolings\": [{\"name\": \"max\"}, {\"name\": \"soft\", \"set\": {\"train.gamma\": 0.3,"
        " \"backbone.pool.stem.beta\": 2, \"backbone.pool.stem.type\": \"soft\"}}]}",
        "train.momentum=0.4"));
    const struct config *a_max = &experiment_run_at(experiment, 0, 0, 0)->config;
    const struct config *a_soft = &experiment_run_at(experiment, 0, 1, 0)->config;
    const struct config *b_max = &experiment_run_at(experiment, 1, 0, 0)->config;
    const struct config *b_soft = &experiment_run_at(experiment, 1, 1, 0)->config;
    cr_expect_eq(a_max->train.batch_size, 2);
    cr_expect_eq(a_max->train.iterations, 20);
    cr_expect_eq(a_max->train.lr, 0.2);
    cr_expect_eq(b_max->train.lr, 0.1);
    cr_expect_eq(a_max->train.gamma, 0.2);
    cr_expect_eq(a_soft->train.gamma, 0.3);
    cr_expect_eq(a_max->train.momentum, 0.4);
    cr_expect_eq(a_max->train.seed, 1);
    cr_expect_str_eq(a_soft->pools[POOL_STEM].type, "soft");
    cr_expect_str_eq(a_max->pools[POOL_STEM].type, "default");
    cr_expect_neq(a_max->backbone.type, b_max->backbone.type);
    cr_expect_eq(b_max->backbone.type, b_soft->backbone.type);
    cr_expect_str_eq(b_max->model.weights, "");
    cr_expect_str_eq(b_soft->model.weights, "soft.safetensors");
}

Test(experiment, refusals)
{
    static const struct {
        const char *text;
        const char *part;
    } cases[] = {
        {"{" BASE ", " MODELS ", " POOLINGS ", \"sedes\": [1]}", "sedes: unknown key; did you mean 'seeds'"},
        {"{" BASE ", \"models\": [{\"nmae\": \"A\"}], " POOLINGS "}", "models[0].nmae: unknown key; did you mean 'name'"},
        {"{" BASE ", " MODELS ", \"poolings\": [{\"name\": \"max\", \"sets\": {}}]}", "poolings[0].sets: unknown key; did you mean 'set'"},
        {"{" BASE ", " MODELS ", \"poolings\": [{\"name\": \"max\", \"set\": {\"train.ler\": 1}}]}",
         "poolings[0].set: train.ler: unknown key; did you mean 'train.lr'"},
        {"{" BASE ", " MODELS ", \"poolings\": [{\"name\": \"max\", \"set\": {\"base\": \"x\"}}]}", "poolings[0].set: base: unknown key"},
        {"{" BASE ", \"set\": {\"train\": {\"lr\": -1}}, " MODELS ", " POOLINGS "}", "set: train.lr: -1"},
        {"{" BASE ", \"set\": 3, " MODELS ", " POOLINGS "}", "set: expected an object"},
        {"{" BASE ", \"models\": [], " POOLINGS "}", "models: expected an array"},
        {"{" BASE ", " MODELS "}", "poolings: expected an array"},
        {"{" BASE ", \"models\": [\"A\"], " POOLINGS "}", "models[0]: expected an object"},
        {"{" BASE ", \"models\": [{}], " POOLINGS "}", "name"},
        {"{" BASE ", \"models\": [{\"name\": \"--\"}], " POOLINGS "}", "needs a letter"},
        {"{" BASE ", \"models\": [{\"name\": \"a b\"}, {\"name\": \"A-B\"}], " POOLINGS "}", "would share a folder"},
        {"{" BASE ", \"models\": [{\"name\": \"A\", \"configs\": {\"sotf\": \"x\"}}], " POOLINGS "}",
         "models[0].configs.sotf: unknown key; did you mean 'soft'"},
        {"{" BASE ", \"models\": [{\"name\": \"A\", \"configs\": []}], " POOLINGS "}", "configs: expected"},
        {"{" BASE ", " MODELS ", " POOLINGS ", \"seeds\": [1, 2, 1]}", "seeds: 1 stands twice"},
        {"{" BASE ", " MODELS ", " POOLINGS ", \"seeds\": []}", "seeds"},
        {"{" BASE ", " MODELS ", " POOLINGS ", \"seeds\": [1.5]}", "seeds"},
        {"{" BASE ", " MODELS ", " POOLINGS ", \"checkpoint\": \"first\"}", "checkpoint"},
        {"{" BASE ", " MODELS ", " POOLINGS ", \"type\": \"segm\"}", "finds masks"},
        {"{" MODELS ", " POOLINGS "}", "neither base nor configs"},
        {"{\"base\": 3, " MODELS ", " POOLINGS "}", "base"},
        {"{" BASE ", \"set\": {\"data.val_images\": \"\", \"data.val_annotations\": \"\"}, " MODELS ", " POOLINGS "}", "data.val_annotations must be set"},
        {"{" BASE ", \"set\": {\"data.train_images\": \"\", \"data.train_annotations\": \"\"}, " MODELS ", " POOLINGS "}",
         "data.train_annotations must be set"},
        {"{" BASE ", " MODELS ", \"poolings\": [{\"name\": \"max\"}, {\"name\": \"x\", \"set\": {\"data.val_annotations\": \"other.json\"}}]}",
         "cannot be compared"},
        {"[]", "must be a JSON object"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum status status = load(cases[i].text, NULL);
        cr_expect(status == ERR_USAGE || status == ERR_DATA, "%s", cases[i].text);
        cr_expect(strstr(fail_message(), cases[i].part), "'%s' lacks '%s'", fail_message(),
                  cases[i].part);
        cr_expect(strstr(fail_message(), "experiment.json"), "%s", fail_message());
    }
    assert_fails(load("{" BASE ", " MODELS ", " POOLINGS "}", "train.seed=3"), ERR_USAGE, "train.seed");
    assert_fails(load("{\"base\": \"none.json\", " MODELS ", " POOLINGS "}", NULL), ERR_IO, "none.json");
    assert_fails(load("{" BASE ",, }", NULL), ERR_PARSE, "experiment.json");
}

// The folder takes the same experiment again and no other.
Test(experiment, folder_holds_one)
{
    char output[PATH_BYTES], run[PATH_BYTES];
    assert_ok(path_join(output, folder, "out"));
    assert_ok(load("{" BASE ", " MODELS ", " POOLINGS "}", NULL));
    assert_ok(experiment_claim_folder(experiment, output));
    // Said in another way, or from another file: the same.
    assert_ok(load("{\"models\": [{\"name\": \"A\", \"base\": \"base.json\"}], " POOLINGS
                   ", \"seeds\": 1}", NULL));
    assert_ok(experiment_claim_folder(experiment, output));
    assert_ok(load("{" BASE ", " MODELS ", " POOLINGS "}", "train.lr=0.25"));
    assert_fails(experiment_claim_folder(experiment, output), ERR_USAGE,
                 "runs.a-max-seed1.config.train.lr: 0.5 -> 0.25");
    assert_ok(load("{" BASE ", " MODELS ", \"poolings\": [{\"name\": \"max\"}]}", NULL));
    assert_fails(experiment_claim_folder(experiment, output), ERR_USAGE, "runs.a-soft-seed1");
    assert_ok(load("{" BASE ", " MODELS ", " POOLINGS ", \"checkpoint\": \"best\"}", NULL));
    assert_fails(experiment_claim_folder(experiment, output), ERR_USAGE, "checkpoint");
    // A key that an older version did not know meant its default.
    char file[PATH_BYTES];
    size_t n;
    assert_ok(path_join(file, output, "experiment.json"));
    char *text = helper_read(file, &n), *key = strstr(text, "\"clip_norm\"");
    cr_assert_not_null(key);
    memset(key, ' ', strcspn(key, ",") + 1);
    helper_write(output, "experiment.json", text);
    mem_free(text);
    assert_ok(load("{" BASE ", " MODELS ", " POOLINGS "}", NULL));
    assert_ok(experiment_claim_folder(experiment, output));
    assert_ok(load("{" BASE ", " MODELS ", " POOLINGS "}", "train.clip_norm=0.125"));
    assert_fails(experiment_claim_folder(experiment, output), ERR_USAGE, "train.clip_norm");
    // A run that no experiment made would be taken for one of its own.
    assert_ok(path_join(output, folder, "other"));
    assert_ok(path_join(run, output, "a-max-seed1"));
    assert_ok(folder_create(run));
    helper_write(run, "config.json", "{}");
    assert_fails(experiment_claim_folder(experiment, output), ERR_USAGE, "no experiment.json");
}

// Every allocation may fail; nothing is leaked.
Test(experiment, memory)
{
    static const char text[] = "{" BASE ", " MODELS ", " POOLINGS "}";
    char output[PATH_BYTES];
    assert_ok(path_join(output, folder, "out"));
    helper_write(folder, "experiment.json", text);
    for (size_t i = 1;; i++) {
        mem_fail_at(i, true);
        enum status status = experiment_load(path, 0, NULL, &experiment);
        mem_fail_at(0, false);
        if (status == OK) break;
        cr_assert_eq(status, ERR_MEMORY, "allocation %zu: %s", i, fail_message());
        cr_assert_lt(i, 5000);
    }
    for (size_t i = 1;; i++) {
        mem_fail_at(i, true);
        enum status status = experiment_claim_folder(experiment, output);
        mem_fail_at(0, false);
        if (status == OK) break;
        cr_assert_eq(status, ERR_MEMORY, "allocation %zu: %s", i, fail_message());
        cr_assert_lt(i, 50000);
    }
}
