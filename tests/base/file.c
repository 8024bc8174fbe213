#define _GNU_SOURCE
#include "base/file.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/scratch.h"

static void expect_content(const char *path, const char *text)
{
    char *found = NULL;
    size_t n = 0;
    cr_assert_eq(file_read(path, 0, &found, &n), OK, "%s", fail_message());
    cr_expect_str_eq(found, text);
    cr_expect_eq(n, strlen(text));
    mem_free(found);
}

static size_t count_files(const char *folder)
{
    struct path_list list;
    cr_assert_eq(folder_list(folder, &list), OK);
    size_t n = list.n;
    path_list_free(&list);
    return n;
}

Test(file, abort_leaves_the_old_file_and_no_other)
{
    char folder[PATH_BYTES], path[PATH_BYTES];
    struct file_writer writer;
    scratch_path(folder, "file_abort");
    cr_assert_eq(folder_create(folder), OK);
    cr_assert_eq(path_join(path, folder, "a.txt"), OK);
    cr_assert_eq(file_write(path, "old", 3), OK);
    cr_assert_eq(file_writer_begin(&writer, path), OK);
    fputs("new and longer", writer.stream);
    fflush(writer.stream);
    expect_content(path, "old");
    file_writer_abort(&writer);
    expect_content(path, "old");
    cr_expect_eq(count_files(folder), 1u);
}

Test(file, commit_replaces_at_once)
{
    char folder[PATH_BYTES], path[PATH_BYTES];
    struct file_writer writer;
    scratch_path(folder, "file_commit");
    cr_assert_eq(folder_create(folder), OK);
    cr_assert_eq(path_join(path, folder, "a.txt"), OK);
    cr_assert_eq(file_write(path, "old", 3), OK);
    cr_assert_eq(file_writer_begin(&writer, path), OK);
    fputs("new", writer.stream);
    cr_assert_eq(file_writer_commit(&writer), OK);
    file_writer_abort(&writer);
    expect_content(path, "new");
    cr_expect_eq(count_files(folder), 1u);
}

Test(file, a_write_that_fails_leaves_the_old_file)
{
    char folder[PATH_BYTES], path[PATH_BYTES];
    scratch_path(folder, "file_full");
    cr_assert_eq(folder_create(folder), OK);
    cr_assert_eq(path_join(path, folder, "a.txt"), OK);
    cr_assert_eq(file_write(path, "old", 3), OK);
    char *large = (char *)mem_alloc(1, 1 << 20);
    // A limit on file sizes stands in for a full disk.
    struct rlimit limit = {4096, RLIM_INFINITY}, before;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    limit.rlim_max = before.rlim_max;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    enum status status = file_write(path, large, 1 << 20);
    setrlimit(RLIMIT_FSIZE, &before);
    cr_expect_eq(status, ERR_IO);
    expect_message("a.txt");
    expect_content(path, "old");
    cr_expect_eq(count_files(folder), 1u);
    mem_free(large);
}

Test(file, errors_name_the_path)
{
    char path[PATH_BYTES], *text;
    struct file_map map;
    scratch_path(path, "does_not_exist.txt");
    cr_expect_eq(file_read(path, 0, &text, NULL), ERR_IO);
    expect_message("does_not_exist.txt");
    cr_expect_eq(file_map_open(TARN_BINARY_DIR, &map), ERR_IO);
    expect_message("not a regular file");
    scratch_text(path, "eleven.txt", "eleven byte");
    cr_expect_eq(file_read(path, 10, &text, NULL), ERR_IO);
    expect_message("eleven.txt: 11 bytes, more than the 10 allowed");
}

Test(file, empty_files_map_to_nothing)
{
    char path[PATH_BYTES];
    struct file_map map;
    scratch_text(path, "empty.txt", "");
    cr_assert_eq(file_map_open(path, &map), OK);
    cr_expect_eq(map.n_bytes, 0u);
    cr_expect_not_null(map.bytes);
    file_map_close(&map);
}

Test(file, paths)
{
    char out[PATH_BYTES];
    cr_expect_eq(path_join(out, "a", "b.c"), OK);
    cr_expect_str_eq(out, "a/b.c");
    cr_expect_eq(path_join(out, "a/", "b.c"), OK);
    cr_expect_str_eq(out, "a/b.c");
    cr_expect_eq(path_join(out, "a", "/b.c"), OK);
    cr_expect_str_eq(out, "/b.c");
    cr_expect_str_eq(path_base("x/y.tar.gz"), "y.tar.gz");
    cr_expect_str_eq(path_extension("x.d/y.jpg"), ".jpg");
    cr_expect_str_eq(path_extension("x.d/y"), "");
    cr_expect_str_eq(path_extension("x/.hidden"), "");
    char longer[PATH_BYTES + 8];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    cr_expect_eq(path_join(out, "a", longer), ERR_IO);
}

Test(file, folders_are_listed_in_order_of_names)
{
    char folder[PATH_BYTES], path[PATH_BYTES];
    struct path_list list;
    scratch_path(folder, "file_list/deep/er");
    cr_assert_eq(folder_create(folder), OK);
    const char *const names[] = {"b.jpg", "a.jpg", ".hidden", "B.jpg"};
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(path_join(path, folder, names[i]), OK);
        cr_assert_eq(file_write(path, "", 0), OK);
    }
    cr_assert_eq(folder_list(folder, &list), OK);
    cr_assert_eq(list.n, 3u);
    cr_expect_str_eq(path_base(list.paths[0]), "B.jpg");
    cr_expect_str_eq(path_base(list.paths[1]), "a.jpg");
    cr_expect_str_eq(path_base(list.paths[2]), "b.jpg");
    path_list_free(&list);
    cr_assert_eq(path_join(path, folder, "a.jpg"), OK);
    cr_expect_eq(folder_create(path), ERR_IO, "a file stands in the way");
}
