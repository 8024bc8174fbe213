// The file of measured convolution engines: what is written comes back, what is damaged counts for
// nothing.
#define _POSIX_C_SOURCE 200809L
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "cuda/plan_file.h"
#include "tests/scratch.h"

static const char title[] = "tarn plans 1 | a GPU | cuDNN 91900";

static struct conv_problem problem(int32_t n, int32_t height)
{
    return (struct conv_problem){.kind = CONV_BACKWARD_DATA, .n = n, .h = height, .w = 48, .c = 16,
                                 .o = 24, .oh = height, .ow = 48, .kh = 3, .kw = 3, .stride = 1,
                                 .padding = 1, .input_dtype = DTYPE_BF16};
}

static void add(struct plan_list *list, struct conv_problem p, const char *engine)
{
    cr_assert_eq(plan_list_set(list, &p, engine), OK);
}

static struct plan_list sample(void)
{
    struct plan_list list = {.n = 0};
    add(&list, problem(8, 32), "engine 12 k2=3 k17=1");
    add(&list, problem(8, 64), "");
    add(&list, problem(1, 320), "engine 0");
    return list;
}

// The text of the sample's file; to be freed.
static char *sample_text(size_t *n)
{
    char path[PATH_BYTES], *text = NULL;
    struct plan_list list = sample();
    scratch_path(path, "plans.txt");
    cr_assert_eq(plan_list_save(path, title, &list), OK, "%s", fail_message());
    cr_assert_eq(file_read(path, 0, &text, n), OK);
    plan_list_free(&list);
    return text;
}

Test(plan_file, key_has_no_padding)
{
    // Problems are compared and written as their numbers, byte by byte.
    cr_assert_eq(sizeof(struct conv_problem), 19 * sizeof(int32_t));
}

Test(plan_file, what_is_written_comes_back)
{
    size_t n = 0, n_damaged = 9;
    char *text = sample_text(&n);
    struct plan_list list;
    cr_assert_eq(plan_list_parse(title, text, n, &list, &n_damaged), OK);
    cr_assert_eq(n_damaged, 0);
    cr_assert_eq(list.n, 3);
    struct conv_problem first = problem(8, 32), second = problem(8, 64), none = problem(8, 33);
    cr_assert_str_eq(plan_list_find(&list, &first)->engine, "engine 12 k2=3 k17=1");
    cr_assert_str_eq(plan_list_find(&list, &second)->engine, "");
    cr_assert_null(plan_list_find(&list, &none));
    add(&list, first, "engine 7");
    cr_assert_eq(list.n, 3);
    cr_assert_str_eq(plan_list_find(&list, &first)->engine, "engine 7");
    plan_list_free(&list);
    mem_free(text);
}

// Cut off anywhere, a file gives the lines that are whole, and never anything else.
Test(plan_file, truncated_at_every_byte)
{
    size_t n = 0, n_damaged = 0, n_title = strlen(title) + 1;
    char *text = sample_text(&n);
    for (size_t length = 0; length < n; length++) {
        char *copy = mem_strndup(text, length); // of this length, so that a sanitizer sees more
        struct plan_list list;
        size_t n_lines = 0;
        for (size_t i = n_title; i < length; i++) n_lines += copy[i] == '\n';
        cr_assert_eq(plan_list_parse(title, copy, length, &list, &n_damaged), OK);
        cr_assert_eq(list.n, n_lines, "%zu of %zu bytes: %zu entries", length, n, list.n);
        bool is_cut = length > n_title && copy[length - 1] != '\n';
        cr_assert_eq(n_damaged, is_cut ? 1 : 0, "%zu of %zu bytes", length, n);
        plan_list_free(&list);
        mem_free(copy);
    }
    mem_free(text);
}

Test(plan_file, a_changed_byte_costs_its_line)
{
    size_t n = 0, n_damaged = 0, n_title = strlen(title) + 1;
    char *text = sample_text(&n);
    for (size_t at = n_title; at < n; at++) {
        struct plan_list list;
        char old = text[at];
        text[at] = (char)(old ^ 1);
        cr_assert_eq(plan_list_parse(title, text, n, &list, &n_damaged), OK);
        // Without its end a line takes the next one with it.
        cr_assert_geq(list.n, 1);
        cr_assert_leq(list.n, 2, "a changed byte at %zu goes unseen", at);
        cr_assert_geq(n_damaged, 1);
        plan_list_free(&list);
        text[at] = old;
    }
    mem_free(text);
}

Test(plan_file, of_another_device_counts_for_nothing)
{
    size_t n = 0, n_damaged = 9;
    char *text = sample_text(&n);
    struct plan_list list;
    cr_assert_eq(plan_list_parse("tarn plans 1 | a GPU | cuDNN 91901", text, n, &list, &n_damaged),
                 OK);
    cr_assert_eq(list.n, 0);
    cr_assert_eq(n_damaged, 0);
    mem_free(text);
}

Test(plan_file, similar_problems_share_engines)
{
    struct plan_list list = sample();
    struct conv_problem near = problem(8, 40), far = problem(8, 640), other = problem(8, 32);
    const struct plan_entry *entry = plan_list_similar(&list, &near);
    cr_assert_not_null(entry);
    // 1 x 320 rows are as many as 8 x 40. An entry without an engine never counts.
    cr_assert_str_eq(entry->engine, "engine 0");
    cr_assert_null(plan_list_similar(&list, &far));
    other.kh = other.kw = 1;
    cr_assert_null(plan_list_similar(&list, &other));
    plan_list_free(&list);
}

Test(plan_file, place)
{
    char folder[PATH_BYTES], path[PATH_BYTES], expected[PATH_BYTES];
    scratch_path(folder, "cache");
    setenv("TARN_CACHE", folder, 1);
    cr_assert(plan_file_path("x.txt", path, sizeof path));
    cr_assert_eq(path_join(expected, folder, "x.txt"), OK);
    cr_assert_str_eq(path, expected);
    cr_assert(file_is_folder(folder));
    cr_assert_not(plan_file_path("x.txt", path, 4));
    setenv("TARN_CACHE", "", 1); // switched off
    cr_assert_not(plan_file_path("x.txt", path, sizeof path));
}

Test(plan_file, a_missing_file_is_an_empty_one)
{
    char path[PATH_BYTES];
    struct plan_list list = {.n = 7};
    scratch_path(path, "missing.txt");
    cr_assert_eq(plan_list_load(path, title, &list), OK);
    cr_assert_eq(list.n, 0);
}
