#define _POSIX_C_SOURCE 200809L
#include "train/config.h"

#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "helper.h"

static char folder[PATH_BYTES];
static struct config config;

static void setup(void)
{
    helper_folder(folder);
    config_defaults(&config);
}

static void teardown(void)
{
    helper_remove(folder);
}

TestSuite(config, .init = setup, .fini = teardown);

static enum status load(const char *name)
{
    char path[PATH_BYTES];
    assert_ok(path_join(path, folder, name));
    return config_load(path, &config);
}

static enum status parse(const char *text)
{
    return config_parse("x.json", text, strlen(text), &config);
}

static enum status override(const char *assignment)
{
    return config_override(&config, 1, &assignment);
}

Test(config, defaults_pass_their_own_check)
{
    assert_ok(config_check(&config));
    cr_assert_eq(config.train.batch_size, 16);
    cr_assert_eq(config.data.min_size.v[0], 800);
    cr_assert_null(config.pools[POOL_STEM].def);
}

Test(config, comments_parents_and_overrides_in_order)
{
    helper_write(folder, "base.json", "{\"train\": {\"lr\": 0.5, \"batch_size\": 3, \"seed\": 7}}");
    helper_write(folder, "child.json",
                 "{ // a comment\n \"base\": \"base.json\", /* another */\n"
                 "  \"train\": {\"lr\": 0.25}, \"data\": {\"min_size\": [480, 640]}}");
    assert_ok(load("child.json"));
    assert_ok(override("train.seed=9"));
    cr_assert_eq(config.train.lr, 0.25);
    cr_assert_eq(config.train.batch_size, 3);
    cr_assert_eq(config.train.seed, 9);
    cr_assert_eq(config.data.min_size.n, 2);
    cr_assert_eq(config.data.min_size.v[1], 640);
}

Test(config, parents_are_found_beside_their_child)
{
    char sub[PATH_BYTES];
    assert_ok(path_join(sub, folder, "sub"));
    assert_ok(folder_create(sub));
    helper_write(sub, "parent.json", "{\"train\": {\"gamma\": 0.5}}");
    helper_write(folder, "child.json", "{\"base\": \"sub/parent.json\"}");
    assert_ok(load("child.json"));
    cr_assert_eq(config.train.gamma, 0.5);
}

Test(config, circles_and_long_chains)
{
    helper_write(folder, "a.json", "{\"base\": \"b.json\"}");
    helper_write(folder, "b.json", "{\"base\": \"./a.json\"}");
    assert_fails(load("a.json"), ERR_USAGE, "circle");
    helper_write(folder, "self.json", "{\"base\": \"self.json\"}");
    assert_fails(load("self.json"), ERR_USAGE, "circle");
    for (int i = 0; i < 20; i++) {
        char name[32], text[64];
        snprintf(name, sizeof name, "%d.json", i);
        snprintf(text, sizeof text, "{\"base\": \"%d.json\"}", i + 1);
        helper_write(folder, name, text);
    }
    assert_fails(load("0.json"), ERR_USAGE, "more than 16");
}

Test(config, wrong_files)
{
    assert_fails(load("none.json"), ERR_IO, "none.json");
    helper_write(folder, "orphan.json", "{\"base\": \"gone.json\"}");
    assert_fails(load("orphan.json"), ERR_IO, "gone.json");
    helper_write(folder, "cut.json", "{\"train\": {\"lr\": 0.1");
    assert_fails(load("cut.json"), ERR_PARSE, "cut.json");
    helper_write(folder, "list.json", "[1]");
    assert_fails(load("list.json"), ERR_USAGE, "list.json");
    helper_write(folder, "base.json", "{\"base\": 3}");
    assert_fails(load("base.json"), ERR_USAGE, "base");
    assert_fails(parse("{\"base\": \"/etc/passwd\"}"), ERR_USAGE, "not allowed here");
}

Test(config, unknown_keys_offer_the_nearest)
{
    assert_fails(parse("{\"train\": {\"itertions\": 3}}"), ERR_USAGE, "'train.iterations'");
    assert_fails(parse("{\"trian\": {\"lr\": 3}}"), ERR_USAGE, "trian: unknown key");
    assert_fails(parse("{\"train\": {\"min_size\": 3}}"), ERR_USAGE, "'data.min_size'");
    assert_fails(override("backbone.typ=resnet18"), ERR_USAGE, "'backbone.type'");
    assert_fails(override("lr=3"), ERR_USAGE, "'train.lr'");
    assert_fails(override("backbone.pool.stem.kernle=3"), ERR_USAGE,
                 "'backbone.pool.stem.kernel'");
    assert_fails(override("backbone.pool.stam.kernel=3"), ERR_USAGE,
                 "'backbone.pool.stem.kernel'");
    assert_fails(override("train.lr"), ERR_USAGE, "section.key=value");
    assert_fails(override("=3"), ERR_USAGE, "section.key=value");
}

Test(config, values_out_of_range_name_file_key_and_bounds)
{
    assert_fails(parse("{\"train\": {\"iterations\": 0}}"), ERR_USAGE,
                 "x.json: train.iterations: 0 is not allowed; expected: integer, 1 to 1000000000");
    assert_fails(parse("{\"train\": {\"lr\": \"fast\"}}"), ERR_USAGE, "train.lr");
    assert_fails(parse("{\"train\": 3}"), ERR_USAGE, "train: expected an object");
    assert_fails(parse("{\"backbone\": {\"pool\": []}}"), ERR_USAGE, "backbone.pool: expected");
    assert_fails(override("backbone.norm=ln"), ERR_USAGE, "frozen_bn|bn|gn");
    assert_fails(override("data.flip=1.5"), ERR_USAGE, "0 to 1");
}

Test(config, combinations)
{
    static const char *const wrong[][2] = {
        {"retinanet.match_low=0.6", "retinanet.match_low"},
        {"data.min_size=[]", "data.min_size"},
        {"train.steps=100,50", "train.steps"},
        {"data.train_images=x", "data.train_annotations"},
        {"data.val_annotations=x", "data.val_images"},
        {"train.momentum=1", "train.momentum"},
        {"model.n_classes=1", "model.n_classes"},
        {"backbone.pool.stem.kernel=2", "backbone.pool.stem.kernel"},
        {"data.lsj_min=3", "data.lsj_min"},
        {"data.lsj_size=31", "data.lsj_size"},
        {"data.copy_paste=0.5", "data.copy_paste"},
        {"eval.best_by=segm", "eval.best_by"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        config_defaults(&config);
        assert_ok(override(wrong[i][0]));
        assert_fails(config_check(&config), ERR_USAGE, wrong[i][1]);
    }
}

Test(config, pools)
{
    const char *const late_type[] = {"backbone.pool.stem.beta=2", "backbone.pool.stem.type=soft"};
    assert_ok(config_override(&config, 2, late_type));
    assert_ok(config_check(&config));
    struct pool pool;
    config_pool_layer(&config, POOL_STEM, &pool);
    cr_assert_str_eq(pool.def->name, "soft");
    cr_assert_eq(fields_find(pool.def->fields, "beta")->type, FIELD_FLOAT);
    cr_assert_eq(*(double *)((char *)pool.args + fields_find(pool.def->fields, "beta")->offset), 2);
    assert_ok(override("backbone.pool.stem.kernel=5"));
    config_pool_layer(&config, POOL_STEM, &pool);
    cr_assert_eq(pool.window.kernel_h, 5);
    cr_assert_eq(pool.window.pad_begin_w, 2);
    assert_ok(override("backbone.pool.stem.padding=0"));
    config_pool_layer(&config, POOL_STEM, &pool);
    cr_assert_eq(pool.window.pad_begin_w, 0);

    // Another type forgets the parameters of the first.
    assert_ok(override("backbone.pool.stem.type=max"));
    assert_fails(override("backbone.pool.stem.beta=1"), ERR_USAGE, "unknown key");
    assert_fails(override("backbone.pool.stem.type=sotf"), ERR_USAGE, "did you mean 'soft'?");
    cr_assert_str_eq(config.pools[POOL_STEM].type, "max");

    assert_ok(override("backbone.pool.stem.padding=4"));
    assert_fails(config_check(&config), ERR_USAGE, "backbone.pool.stem.padding");
    assert_ok(override("backbone.pool.stem.padding=-1"));
    assert_ok(override("backbone.pool.stem.stride=0"));
    assert_fails(config_check(&config), ERR_USAGE, "backbone.pool.stem.stride");
    assert_ok(override("backbone.pool.stem.stride=2"));
    assert_ok(override("backbone.pool.stem.kernel=0"));
    assert_fails(config_check(&config), ERR_USAGE, "backbone.pool.stem.kernel");
}

Test(config, pool_types_in_a_file_stand_anywhere)
{
    assert_ok(parse("{\"backbone\": {\"pool\": {\"downsample\":"
                    " {\"beta\": 3, \"type\": \"soft\"}}}}"));
    assert_ok(config_check(&config));
    struct pool pool;
    config_pool_layer(&config, POOL_DOWNSAMPLE, &pool);
    cr_assert_eq(pool.window.kernel_h, 2);
    cr_assert_eq(pool.window.stride_h, 2);
    assert_ok(override("backbone.pool.global.type=avg"));
    config_pool_layer(&config, POOL_GLOBAL, &pool);
    cr_assert_eq(pool.window.kernel_h, 0);
}

Test(config, json_round_trip)
{
    static const char *const set[] = {
        "train.lr=0.1", "data.min_size=480,512", "backbone.pool.stem.type=soft",
        "backbone.pool.stem.beta=0.3333333333333333", "model.weights=a \"b\".safetensors",
        "train.seed=9007199254740991", "backbone.norm=gn", "data.raw_labels=true"};
    for (size_t i = 0; i < sizeof set / sizeof *set; i++) assert_ok(override(set[i]));
    cJSON *json = NULL;
    assert_ok(config_to_json(&config, &json));
    cJSON_AddObjectToObject(json, "tarn");
    char *text = cJSON_Print(json);
    static struct config copy;
    config_defaults(&copy);
    assert_ok(config_parse("copy", text, strlen(text), &copy));
    cJSON_free(text);
    cJSON_Delete(json);
    int n = -1;
    assert_ok(config_compare(&config, &copy, NULL, &n));
    cr_assert_eq(n, 0);

    char *report = NULL;
    size_t n_bytes = 0;
    FILE *stream = open_memstream(&report, &n_bytes);
    copy.train.lr = 0.5;
    copy.data.min_size.n = 1;
    assert_ok(config_compare(&config, &copy, stream, &n));
    fclose(stream);
    cr_assert_eq(n, 2);
    cr_assert(strstr(report, "train.lr: 0.1 -> 0.5\n"), "%s", report);
    cr_assert(strstr(report, "data.min_size: [480,512] -> [480]\n"), "%s", report);
    free(report);
}

Test(config, files_cut_at_every_byte)
{
    static const char whole[] =
        "{\"train\": {\"lr\": 0.5, \"steps\": [0.5, 0.7]}, /* c */ \"backbone\": "
        "{\"pool\": {\"stem\": {\"type\": \"soft\", \"beta\": 2}}}}";
    for (size_t n = 0; n + 1 < sizeof whole - 1; n++) {
        config_defaults(&config);
        enum status status = config_parse("cut", whole, n, &config);
        cr_assert_eq(status, ERR_PARSE, "%zu bytes: %d", n, status);
    }
    assert_ok(parse(whole));
}

Test(config, the_documentation_is_up_to_date)
{
    char *text = NULL;
    size_t n_bytes = 0, n_file = 0;
    FILE *stream = open_memstream(&text, &n_bytes);
    config_print_markdown(stream);
    fclose(stream);
    char *file = helper_read(TARN_SOURCE_DIR "/docs/config.md", &n_file);
    cr_assert(n_bytes == n_file && memcmp(text, file, n_file) == 0,
              "docs/config.md: write it anew with `tarn train --help-markdown`");
    mem_free(file);
    free(text);
}

Test(config, help_names_every_kind_of_key)
{
    char *text = NULL;
    size_t n_bytes = 0;
    FILE *stream = open_memstream(&text, &n_bytes);
    config_print_help(stream);
    fclose(stream);
    cr_assert(strstr(text, "  train.lr=0.01\n"));
    cr_assert(strstr(text, "backbone.pool.SITE.kernel=-1"));
    cr_assert(strstr(text, "backbone.pool.SITE.type=soft"));
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, "\n");
        cr_assert_leq(length, 100, "%.*s", (int)length, line);
        line += length + (line[length] != 0);
    }
    free(text);
}
