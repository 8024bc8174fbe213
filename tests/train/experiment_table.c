#include "train/experiment_table.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "helper.h"
#include "train/experiment_run.h"
#include "train/text_grid.h"

enum { IMAGES = 20 };

static char folder[PATH_BYTES], path[PATH_BYTES];
static struct experiment *experiment;
static struct experiment_table table;

// One object in each image, small ones alone.
static void write_truth(void)
{
    char text[8192];
    int n = snprintf(text, sizeof text, "{\"categories\":[{\"id\":1,\"name\":\"a\"}],\"images\":[");
    for (int i = 1; i <= IMAGES; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "%s{\"id\":%d}", i > 1 ? "," : "", i);
    n += snprintf(text + n, sizeof text - (size_t)n, "],\"annotations\":[");
    for (int i = 1; i <= IMAGES; i++)
        n += snprintf(text + n, sizeof text - (size_t)n,
                      "%s{\"id\":%d,\"image_id\":%d,\"category_id\":1,\"bbox\":[10,10,20,20],"
                      "\"area\":400,\"iscrowd\":0}",
                      i > 1 ? "," : "", i, i);
    snprintf(text + n, sizeof text - (size_t)n, "]}");
    helper_write(folder, "v.json", text);
}

static void setup(void)
{
    char text[3 * PATH_BYTES];
    helper_folder(folder);
    write_truth();
    snprintf(text, sizeof text,
             "{\"data\": {\"train_images\": \"t\", \"train_annotations\": \"t.json\","
             " \"val_images\": \"v\", \"val_annotations\": \"%s/v.json\"},"
             " \"train\": {\"threads\": 2}}",
             folder);
    helper_write(folder, "base.json", text);
    assert_ok(path_join(path, folder, "experiment.json"));
}

static void teardown(void)
{
    experiment_table_free(&table);
    experiment_free(experiment);
    helper_remove(folder);
}

TestSuite(experiment_table, .init = setup, .fini = teardown);

static void load(const char *poolings, const char *seeds)
{
    char text[1024];
    snprintf(text, sizeof text,
             "{\"base\": \"base.json\", \"models\": [{\"name\": \"A|B\"}], \"poolings\": [%s],"
             " \"seeds\": [%s], \"resamples\": 300}",
             poolings, seeds);
    helper_write(folder, "experiment.json", text);
    assert_ok(experiment_load(path, 0, NULL, &experiment));
}

// The run finds the objects of all images but the first `missed`: AP is the recall, rounded to the
// 101 points.
static void find(size_t pooling, size_t seed, int missed)
{
    struct eval_detection found[IMAGES];
    char results[PATH_BYTES], run[PATH_BYTES];
    const struct experiment_run *r = experiment_run_at(experiment, 0, pooling, seed);
    for (int i = missed; i < IMAGES; i++)
        found[i - missed] = (struct eval_detection){
            .image_id = i + 1, .category_id = 1, .box = {10, 10, 20, 20}, .score = 0.9 - 0.01 * i};
    assert_ok(path_join(run, folder, r->name));
    assert_ok(folder_create(run));
    assert_ok(experiment_results_path(folder, r, results));
    assert_ok(eval_results_save(results, found, (size_t)(IMAGES - missed)));
}

static double recall(int missed)
{
    return floor((double)(IMAGES - missed) / IMAGES * 100 + 1) / 101;
}

static char *text_of(enum status (*save)(const struct experiment_table *, const char *))
{
    char file[PATH_BYTES];
    size_t n;
    assert_ok(path_join(file, folder, "table"));
    assert_ok(save(&table, file));
    return helper_read(file, &n);
}

static void load_three_seeds(void)
{
    load("{\"name\": \"max\"}, {\"name\": \"soft\"}", "1, 2, 3");
    static const int missed[2][3] = {{10, 8, 12}, {8, 4, 9}};
    for (size_t p = 0; p < 2; p++)
        for (size_t s = 0; s < 3; s++) find(p, s, missed[p][s]);
    assert_ok(experiment_table_build(experiment, folder, &table));
}

Test(experiment_table, means_and_spreads)
{
    load_three_seeds();
    const struct experiment_cell *max = &table.cells[0], *soft = &table.cells[1];
    double a = recall(10), b = recall(8), c = recall(12), mean = (a + b + c) / 3;
    double squares = (a - mean) * (a - mean) + (b - mean) * (b - mean) + (c - mean) * (c - mean);
    cr_expect_float_eq(max->stats[1][0], b, 1e-12);
    cr_expect_float_eq(max->mean[0], mean, 1e-12);
    cr_expect_float_eq(max->spread[0], sqrt(squares / 2), 1e-12);
    cr_expect_float_eq(max->mean[3], mean, 1e-12);
    cr_expect_eq(max->mean[5], -1); // no large objects
    cr_expect_eq(max->spread[5], -1);
    cr_expect_eq(table.n_images[0], IMAGES);
    const struct compare_number *ap = &soft->compared[COMPARE_AP];
    cr_expect_float_eq(ap->a, max->mean[0], 1e-12);
    cr_expect_float_eq(ap->b, soft->mean[0], 1e-12);
    cr_expect_float_eq(ap->difference, soft->mean[0] - max->mean[0], 1e-12);
    // Soft finds all that max does, and of three images more: no draw has it the other way round.
    cr_expect(ap->low > 0 && ap->low < ap->difference && ap->high > ap->difference);
    cr_expect_eq(ap->n_resamples, 300);
}

Test(experiment_table, text_markdown_and_json)
{
    load_three_seeds();
    char *markdown = text_of(experiment_table_save_markdown), *text = NULL;
    char expected[256];
    snprintf(expected, sizeof expected, "| A\\|B | max -> soft | %.1f -> %.1f | ",
             100 * table.cells[0].mean[0], 100 * table.cells[1].mean[0]);
    cr_expect(strstr(markdown, expected), "%s lacks %s", markdown, expected);
    snprintf(expected, sizeof expected, "| A\\|B | max | %.1f (%.1f) | ",
             100 * table.cells[0].mean[0], 100 * table.cells[0].spread[0]);
    cr_expect(strstr(markdown, expected), "%s lacks %s", markdown, expected);
    snprintf(expected, sizeof expected, "| A\\|B | soft - max | AP | %+.2f | [",
             100 * table.cells[1].compared[0].difference);
    cr_expect(strstr(markdown, expected), "%s lacks %s", markdown, expected);
    cr_expect(strstr(markdown, " - | - |\n"), "%s", markdown); // medium and large
    mem_free(markdown);

    text = text_of(experiment_table_save_json);
    cJSON *tree;
    assert_ok(json_parse("table", text, strlen(text), false, &tree));
    const cJSON *model = cJSON_GetArrayItem(json_find(tree, "models"), 0);
    const cJSON *soft = cJSON_GetArrayItem(json_find(model, "poolings"), 1);
    cr_expect_str_eq(json_find(model, "model")->valuestring, "A|B");
    cr_expect_eq(json_find(json_find(soft, "mean"), "AP")->valuedouble, table.cells[1].mean[0]);
    cr_expect(cJSON_IsNull(json_find(json_find(soft, "mean"), "APl")));
    const cJSON *ap = json_find(json_find(soft, "differences"), "AP");
    cr_expect_eq(json_find(ap, "low")->valuedouble, table.cells[1].compared[0].low);
    const cJSON *run = cJSON_GetArrayItem(json_find(soft, "runs"), 2);
    cr_expect_eq(json_find(json_find(run, "stats"), "AP")->valuedouble, table.cells[1].stats[2][0]);
    cJSON_Delete(tree);
    mem_free(text);
}

Test(experiment_table, one_seed_one_pooling)
{
    load("{\"name\": \"max\"}", "5");
    find(0, 0, 10);
    assert_ok(experiment_table_build(experiment, folder, &table));
    cr_expect_eq(table.cells[0].spread[0], -1);
    char *text = text_of(experiment_table_save_markdown);
    cr_expect(strstr(text, "seed 5") && strstr(text, "| A\\|B | max | 50.5 | "), "%s", text);
    cr_expect(!strstr(text, "->") && !strstr(text, "interval"), "%s", text);
    mem_free(text);
}

Test(experiment_table, missing_results)
{
    load("{\"name\": \"max\"}, {\"name\": \"soft\"}", "1, 2");
    find(0, 0, 3);
    find(0, 1, 3);
    find(1, 0, 3);
    assert_fails(experiment_table_build(experiment, folder, &table), ERR_IO, "a_b-soft-seed2");
}

Test(experiment_table, grid)
{
    struct text_grid grid = {.n_columns = 3};
    static const char *const cells[] = {"a", "bcd", "e", "long", "", "\xc3\xbc", "x", "y", ""};
    char *text = NULL;
    size_t n;
    char file[PATH_BYTES];
    for (size_t i = 0; i < 9; i++) assert_ok(text_grid_add(&grid, "%s", cells[i]));
    assert_ok(path_join(file, folder, "grid"));
    FILE *stream = fopen(file, "w");
    cr_assert(stream);
    text_grid_print(&grid, stream);
    text_grid_print_markdown(&grid, stream);
    cr_assert_eq(fclose(stream), 0);
    text = helper_read(file, &n);
    cr_expect_str_eq(text,
                     "a     bcd  e\n"
                     "long       \xc3\xbc\n"
                     "x     y\n"
                     "| a | bcd | e |\n|---|---|---|\n| long |  | \xc3\xbc |\n| x | y |  |\n");
    mem_free(text);
    text_grid_free(&grid);
}

// Every allocation may fail; nothing is leaked.
Test(experiment_table, memory)
{
    load("{\"name\": \"max\"}, {\"name\": \"soft\"}", "1");
    find(0, 0, 3);
    find(1, 0, 4);
    for (size_t i = 1;; i++) {
        mem_fail_at(i, true);
        enum status status = experiment_table_build(experiment, folder, &table);
        mem_fail_at(0, false);
        if (status == OK) break;
        cr_assert_eq(status, ERR_MEMORY, "allocation %zu: %s", i, fail_message());
        cr_assert_lt(i, 50000);
    }
}
