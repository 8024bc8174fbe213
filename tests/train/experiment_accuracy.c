#include "train/experiment_accuracy.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "helper.h"
#include "train/experiment_run.h"

enum { IMAGES = 10, CLASSES = 7 };

static char folder[PATH_BYTES], path[PATH_BYTES];
static struct experiment *experiment;
static struct accuracy_table table;

static void setup(void)
{
    helper_folder(folder);
    helper_write(folder, "base.json",
                 "{\"model\": {\"type\": \"classifier\"}, \"data\": {\"format\": \"folder\","
                 " \"train_images\": \"t\", \"val_images\": \"v\"}}");
    helper_write(folder, "e.json",
                 "{\"base\": \"base.json\", \"models\": [{\"name\": \"A\"}], \"seeds\": [1, 2],"
                 " \"poolings\": [{\"name\": \"max\"}, {\"name\": \"put in\", \"of\": \"max\","
                 " \"set\": {\"backbone.pool\": {\"stem\": {\"type\": \"soft\", \"beta\": 2}}}}]}");
    assert_ok(path_join(path, folder, "e.json"));
    assert_ok(experiment_load(path, 0, NULL, &experiment));
}

static void teardown(void)
{
    accuracy_table_free(&table);
    experiment_free(experiment);
    helper_remove(folder);
}

TestSuite(experiment_accuracy, .init = setup, .fini = teardown);

// Image i is of class i % 2 and is right where right[i] is 1; where it is 5 the class is among the
// best five, where it is 0 not.
static void write_run(size_t pooling, size_t seed, const char *right)
{
    static const char *const names[CLASSES] = {"a", "b", "c", "d", "e", "f", "g"};
    const struct experiment_run *run = experiment_run_at(experiment, 0, pooling, seed);
    struct class_results results;
    char own[PATH_BYTES];
    class_results_init(&results);
    assert_ok(path_join(own, folder, run->name));
    assert_ok(folder_create(own));
    assert_ok(class_results_set_classes(&results, CLASSES, names));
    for (int i = 0; i < IMAGES; i++) {
        float logits[CLASSES];
        for (int c = 0; c < CLASSES; c++) logits[c] = (float)c;
        logits[i % 2] = right[i] == '1' ? 9.0f : right[i] == '5' ? 4.5f : -1.0f;
        assert_ok(class_results_add(&results, i + 1, "x.png", i % 2, logits));
    }
    assert_ok(experiment_results_path(folder, run, own));
    assert_ok(class_results_save(&results, own));
    class_results_free(&results);
}

Test(experiment_accuracy, means_spreads_and_tests)
{
    write_run(0, 0, "1111150000"); // 5 right, classes 3/5 and 2/5
    write_run(0, 1, "1111111100"); // 8 right, 4/5 and 4/5
    write_run(1, 0, "0011111111"); // 8 right
    write_run(1, 1, "1111111110"); // 9 right, 5/5 and 4/5
    assert_ok(accuracy_table_build(experiment, folder, &table));
    cr_assert_eq(table.n_images[0], IMAGES);
    const struct accuracy_cell *first = &table.cells[0], *second = &table.cells[1];
    cr_expect_float_eq(first->mean[ACCURACY_TOP1], 0.65, 1e-12);
    cr_expect_float_eq(first->spread[ACCURACY_TOP1], 0.3 / sqrt(2), 1e-12);
    cr_expect_float_eq(first->stats[0][ACCURACY_TOP5], 0.6, 1e-12);
    cr_expect_float_eq(first->stats[1][ACCURACY_PER_CLASS], 0.8, 1e-12);
    cr_expect_float_eq(second->mean[ACCURACY_TOP1], 0.85, 1e-12);
    cr_expect_float_eq(second->difference, 0.2, 1e-12);
    cr_expect_float_eq(second->difference_spread, 0.2 / sqrt(2), 1e-12);
    cr_expect_eq(second->tests[0].both, 3);
    cr_expect_eq(second->tests[0].only_a, 2);
    cr_expect_eq(second->tests[0].only_b, 5);
    cr_expect_float_eq(second->tests[0].chi2, 9.0 / 7, 1e-12);
    cr_expect_float_eq(second->tests[0].corrected, 4.0 / 7, 1e-12);
    cr_expect_float_eq(second->tests[1].exact_p, 1, 1e-12);
}

Test(experiment_accuracy, the_exchange_is_what_set_says)
{
    const struct experiment_run *run = experiment_run_at(experiment, 0, 1, 1);
    cr_expect_eq(experiment_source(experiment, run), experiment_run_at(experiment, 0, 0, 1));
    cr_assert_eq(experiment->exchanges[1].n, 2);
    cr_expect_str_eq(experiment->exchanges[1].texts[0], "backbone.pool.stem.type=soft");
    cr_expect_str_eq(experiment->exchanges[1].texts[1], "backbone.pool.stem.beta=2");
    cr_expect_str_eq(run->config.pools[POOL_STEM].def->name, "soft");
}

Test(experiment_accuracy, runs_without_results_are_refused)
{
    write_run(0, 0, "1111111111");
    cr_expect_eq(accuracy_table_build(experiment, folder, &table), ERR_IO);
}
