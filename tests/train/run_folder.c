#include "train/run_folder.h"

#include <criterion/criterion.h>
#include <string.h>

#include "helper.h"

static char folder[PATH_BYTES];

static void setup(void)
{
    helper_folder(folder);
}

static void teardown(void)
{
    helper_remove(folder);
}

TestSuite(run_folder, .init = setup, .fini = teardown);

Test(run_folder, knows_the_files_of_a_run)
{
    static const char *const names[] = {"config.json", "log.jsonl", "last.safetensors",
                                        "last.state.safetensors", "best.safetensors"};
    struct run_folder run;
    assert_ok(run_folder_init(&run, folder));
    helper_write(folder, "notes.txt", "mine");
    cr_assert(!run_folder_is_used(&run));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[PATH_BYTES];
        helper_write(folder, names[i], "x");
        cr_assert(run_folder_is_used(&run), "%s", names[i]);
        assert_ok(path_join(path, folder, names[i]));
        cr_assert_eq(remove(path), 0);
    }
}

Test(run_folder, removes_what_a_kill_left_and_nothing_else)
{
    struct path_list left;
    struct run_folder run;
    helper_write(folder, "last.safetensors.aB3xYz.tmp", "half");
    helper_write(folder, "iteration_00000010.safetensors.aB3xYz.tmp", "half");
    helper_write(folder, "notes.tmp", "mine");
    helper_write(folder, "last.safetensors", "whole");
    assert_ok(run_folder_init(&run, folder));
    assert_ok(run_folder_prepare(&run));
    assert_ok(folder_list(folder, &left));
    cr_assert_eq(left.n, 2);
    cr_assert_str_eq(path_base(left.paths[0]), "last.safetensors");
    cr_assert_str_eq(path_base(left.paths[1]), "notes.tmp");
    path_list_free(&left);
}

Test(run_folder, config_can_be_loaded_again)
{
    static struct config config, read;
    struct run_folder run;
    int n = -1;
    config_defaults(&config);
    helper_set(&config, "train.lr=0.123");
    assert_ok(run_folder_init(&run, folder));
    assert_ok(run_folder_save_config(&run, &config));
    config_defaults(&read);
    assert_ok(config_load(run.config, &read));
    assert_ok(config_compare(&config, &read, NULL, &n));
    cr_assert_eq(n, 0);
}
