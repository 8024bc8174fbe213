// Names, texts and archives of submissions; the file of one under way.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include "../scratch.h"
#include "base/mem.h"
#include "eval/submission_partial.h"

Test(submission, test_sets)
{
    char testset[SUBMISSION_WORD_BYTES];
    cr_expect(submission_find_testset("a/b/image_info_test-dev2017.json", testset));
    cr_expect_str_eq(testset, "test-dev2017");
    cr_expect(submission_find_testset("instances_val2017.json", testset));
    cr_expect_str_eq(testset, "val2017");
    cr_expect(submission_find_testset("image_info_test-challenge2017.json", testset));
    cr_expect_not(submission_find_testset("image_info_test2017.json", testset));
    cr_expect_not(submission_find_testset("val.json", testset));
    cr_expect_not(submission_find_testset("", testset));
}

Test(submission, names)
{
    char stem[SUBMISSION_STEM_BYTES];
    cr_assert_eq(submission_stem("test-dev2017", "soft_pool-2.0", stem), OK);
    cr_expect_str_eq(stem, "detections_test-dev2017_soft_pool-2.0_results");
    cr_expect(submission_stem_is_valid(stem, "test-dev2017"));
    cr_expect(submission_stem_is_valid(stem, NULL));
    cr_expect_not(submission_stem_is_valid(stem, "val2017"));
    static const char *const bad[] = {"", "a b", "a/b", "..\\x", "\xC3\xA4"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_expect_eq(submission_stem("val2017", bad[i], stem), ERR_USAGE, "%s", bad[i]);
        cr_expect_eq(submission_stem(bad[i], "a", stem), ERR_USAGE, "%s", bad[i]);
    }
    char longest[120];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    cr_expect_eq(submission_stem("val2017", longest, stem), ERR_USAGE);
    static const char *const wrong[] = {"",
                                        "detections_",
                                        "detections_results",
                                        "detections_val2017_results",
                                        "detections_val2017__results" + 1,
                                        "detections_val2017_x_result",
                                        "person_keypoints_val2017_x_results",
                                        "detections_val2014_x_results",
                                        "detections_val2017_a b_results"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_expect_not(submission_stem_is_valid(wrong[i], NULL), "%s", wrong[i]);
}

static const char *text_of(const struct eval_detection *list, size_t n_list, enum eval_type type,
                           struct submission_text *text)
{
    size_t n;
    text->n = 0;
    cr_assert_eq(submission_append(text, type, list, n_list, &n), OK, "%s", fail_message());
    return text->bytes;
}

Test(submission, numbers)
{
    struct submission_text text = {NULL, 0, 0};
    struct eval_detection d = {.image_id = 9007199254740993,
                               .category_id = 90,
                               .box = {-0.04, 12.25, 100, 0.06},
                               .score = 0.123456};
    cr_expect_str_eq(text_of(&d, 1, EVAL_BOXES, &text),
                     "{\"image_id\":9007199254740993,\"category_id\":90,"
                     "\"bbox\":[0,12.2,100,0.1],\"score\":0.12346}");
    d = (struct eval_detection){.image_id = 1, .box = {-1.26, 1e6, 0.05, 3.35}, .score = 0.9999999};
    cr_expect_str_eq(text_of(&d, 1, EVAL_BOXES, &text),
                     "{\"image_id\":1,\"category_id\":0,\"bbox\":[-1.3,1000000,0.1,3.4],"
                     "\"score\":1}");
    d.box[0] = 1e300; // nothing is cut off
    cr_expect_gt(strlen(text_of(&d, 1, EVAL_BOXES, &text)), 300);
    size_t n;
    d.box[0] = NAN;
    cr_expect_eq(submission_append(&text, EVAL_BOXES, &d, 1, &n), ERR_NUMERIC);
    d.box[0] = 0;
    d.score = INFINITY;
    cr_expect_eq(submission_append(&text, EVAL_BOXES, &d, 1, &n), ERR_NUMERIC);
    submission_text_free(&text);
}

// The best hundred, equal scores in their order.
Test(submission, best_hundred)
{
    enum { N = 150 };
    struct eval_detection list[N];
    struct submission_text text = {NULL, 0, 0};
    size_t n;
    for (int i = 0; i < N; i++)
        list[i] = (struct eval_detection){.image_id = 1,
                                          .category_id = i,
                                          .score = i == 149 ? 0.75
                                                   : i % 2  ? 0.5
                                                            : 0.25};
    cr_assert_eq(submission_append(&text, EVAL_BOXES, list, N, &n), OK);
    cr_expect_eq(n, 100);
    const char *at = text.bytes;
    for (int i = 0; i < 100; i++) {
        // 149 first, then the 74 other odd ones, then even ones.
        long long wanted = i == 0 ? 149 : i < 75 ? 2 * i - 1 : 2 * (i - 75), got = -1;
        at = strstr(at, "\"category_id\":");
        cr_assert_not_null(at);
        cr_assert_eq(sscanf(at++, "\"category_id\":%lld", &got), 1);
        cr_expect_eq(got, wanted, "%d: %lld, expected %lld", i, got, wanted);
    }
    cr_expect_null(strstr(at, "\"category_id\":"));
    cr_assert_eq(submission_append(&text, EVAL_BOXES, NULL, 0, &n), OK);
    cr_expect_eq(n, 0);
    submission_text_free(&text);
}

Test(submission, masks)
{
    struct submission_text text = {NULL, 0, 0};
    struct eval_detection d = {.image_id = 1, .category_id = 2, .box = {1, 2, 3, 4}, .score = 0.5};
    size_t n;
    cr_expect_eq(submission_append(&text, EVAL_MASKS, &d, 1, &n), ERR_UNSUPPORTED);
    // 44 = "\\1" holds a backslash; a run of 16 needs two characters.
    static const char counts[] = "[4,12,84]";
    d.mask = (struct mask_text){counts, sizeof counts - 1, 10, 10, MASK_COUNTS};
    const char *made = text_of(&d, 1, EVAL_MASKS, &text);
    cr_expect_not_null(strstr(made, "\"segmentation\":{\"size\":[10,10],\"counts\":\"4<d2\"}"),
                       "%s", made);
    cr_expect_null(strstr(made, "bbox"));
    static const char backslash[] = "[44,0,56]";
    d.mask = (struct mask_text){backslash, sizeof backslash - 1, 10, 10, MASK_COUNTS};
    made = text_of(&d, 1, EVAL_MASKS, &text);
    cr_expect_not_null(strstr(made, "\"counts\":\"\\\\10"), "%s", made);
    d.mask.bytes = "[44,0,55]";
    cr_expect_eq(submission_append(&text, EVAL_MASKS, &d, 1, &n), ERR_DATA);
    submission_text_free(&text);
}

static const char *fresh_folder(const char *name)
{
    static char path[PATH_BYTES];
    struct path_list list;
    scratch_path(path, name);
    cr_assert_eq(folder_create(path), OK);
    cr_assert_eq(folder_list(path, &list), OK);
    for (size_t i = 0; i < list.n; i++) unlink(list.paths[i]);
    path_list_free(&list);
    return path;
}

static size_t n_files(const char *folder)
{
    struct path_list list;
    cr_assert_eq(folder_list(folder, &list), OK);
    size_t n = list.n;
    path_list_free(&list);
    return n;
}

static void pack(const char *folder, const char *stem, const char *json)
{
    FILE *file;
    cr_assert_eq(submission_open_json(folder, &file), OK, "%s", fail_message());
    fputs(json, file);
    cr_assert_eq(submission_pack(folder, stem, file), OK, "%s", fail_message());
}

Test(submission, archive)
{
    const char *folder = fresh_folder("submission_archive");
    char path[PATH_BYTES], text[64] = "", *first, *second;
    size_t n_first, n_second;
    pack(folder, "detections_val2017_a_results", "[{\"a\":1}]\n");
    cr_expect_eq(n_files(folder), 1);
    cr_assert_eq(path_join(path, folder, "detections_val2017_a_results.zip"), OK);
    zip_t *archive = zip_open(path, ZIP_RDONLY | ZIP_CHECKCONS, NULL);
    cr_assert_not_null(archive);
    cr_expect_eq(zip_get_num_entries(archive, 0), 1);
    cr_expect_str_eq(zip_get_name(archive, 0, 0), "detections_val2017_a_results.json");
    zip_file_t *file = zip_fopen_index(archive, 0, 0);
    cr_expect_eq(zip_fread(file, text, sizeof text), 10);
    cr_expect_str_eq(text, "[{\"a\":1}]\n");
    zip_fclose(file);
    zip_discard(archive);
    // The same again, over the old one: the same bytes, whatever the time is.
    cr_assert_eq(file_read(path, 0, &first, &n_first), OK);
    pack(folder, "detections_val2017_a_results", "[{\"a\":1}]\n");
    cr_assert_eq(file_read(path, 0, &second, &n_second), OK);
    cr_expect_eq(n_first, n_second);
    cr_expect(memcmp(first, second, n_first) == 0);
    mem_free(first);
    mem_free(second);
    cr_expect_eq(n_files(folder), 1);
}

Test(submission, archive_refusals)
{
    const char *folder = fresh_folder("submission_refusals");
    char blocked[PATH_BYTES];
    FILE *file;
    cr_expect_eq(submission_open_json("/nonexistent/folder", &file), ERR_IO);
    // What cannot be replaced stays, and nothing is left beside it.
    cr_assert_eq(path_join(blocked, folder, "x.zip"), OK);
    cr_assert_eq(folder_create(blocked), OK);
    cr_assert_eq(submission_open_json(folder, &file), OK);
    fputs("[]", file);
    cr_expect_eq(submission_pack(folder, "x", file), ERR_IO);
    expect_message("x.zip");
    cr_expect(file_is_folder(blocked));
    cr_expect_eq(n_files(folder), 0);
    rmdir(blocked);
}

// --- under way

static const struct partial_key key = {1, 2, 3, EVAL_BOXES};
static const int64_t ids[7] = {2, 3, 5, 7, 11, 13, 17};

static enum status reopen(const char *path, size_t group, struct submission_partial *partial)
{
    return submission_partial_open(path, &key, ids, 7, group, partial);
}

// Image i has i results; the one with the id 7 is broken.
static void add_from(struct submission_partial *partial, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        struct submission_text text = {NULL, 0, 0};
        struct eval_detection list[7];
        size_t n = 0;
        bool is_broken = ids[i] == 7;
        for (size_t j = 0; j < i; j++)
            list[j] = (struct eval_detection){
                .image_id = ids[i], .category_id = (int64_t)j, .score = 0.5};
        if (!is_broken) cr_assert_eq(submission_append(&text, EVAL_BOXES, list, i, &n), OK);
        cr_assert_eq(submission_partial_add(partial, ids[i], text.bytes, n, is_broken), OK);
        submission_text_free(&text);
    }
    cr_assert_eq(submission_partial_write(partial, true), OK, "%s", fail_message());
}

static size_t printed(const struct submission_partial *partial, char *text, size_t n)
{
    FILE *file = tmpfile();
    cr_assert_not_null(file);
    cr_assert_eq(submission_partial_print(partial, file), OK, "%s", fail_message());
    rewind(file);
    n = fread(text, 1, n - 1, file);
    text[n] = 0;
    fclose(file);
    return n;
}

static void make_whole(const char *path, char *text, size_t n)
{
    struct submission_partial partial;
    unlink(path);
    cr_assert_eq(reopen(path, 2, &partial), OK, "%s", fail_message());
    add_from(&partial, 0, 7);
    cr_expect_eq(partial.n_results, 18);
    cr_expect_eq(partial.n_broken, 1);
    printed(&partial, text, n);
    submission_partial_close(&partial);
}

Test(submission_partial, goes_on)
{
    struct submission_partial partial;
    char path[PATH_BYTES], whole[4096], again[4096];
    make_whole(scratch_path(path, "goes_on.partial"), whole, sizeof whole);
    cr_expect(strncmp(whole, "[\n{\"image_id\":3,", 16) == 0, "%s", whole);
    cr_expect_null(strstr(whole, "\"image_id\":7,"));
    unlink(path);
    cr_assert_eq(reopen(path, 2, &partial), OK);
    cr_expect_eq(partial.n_images, 0);
    add_from(&partial, 0, 5);
    submission_partial_close(&partial);
    // Five are there: two pairs count.
    cr_assert_eq(reopen(path, 2, &partial), OK);
    cr_expect_eq(partial.n_images, 4);
    cr_expect_eq(partial.n_results, 3);
    cr_expect_eq(partial.n_broken, 1);
    add_from(&partial, 4, 7);
    printed(&partial, again, sizeof again);
    cr_expect_str_eq(again, whole);
    submission_partial_close(&partial);
    // All are there, although seven is no multiple of two.
    cr_assert_eq(reopen(path, 2, &partial), OK);
    cr_expect_eq(partial.n_images, 7);
    cr_expect_eq(partial.n_results, 18);
    submission_partial_close(&partial);
}

// Cut off anywhere, as a kill or a full disk leaves it, it goes on to the same results.
Test(submission_partial, torn_anywhere)
{
    struct submission_partial partial;
    char path[PATH_BYTES], whole[4096], again[4096], *bytes;
    size_t n;
    make_whole(scratch_path(path, "torn.partial"), whole, sizeof whole);
    cr_assert_eq(file_read(path, 0, &bytes, &n), OK);
    for (size_t cut = 0; cut < n; cut += cut < 120 ? 1 : 13) {
        scratch_write(path, "torn.partial", bytes, cut);
        cr_assert_eq(reopen(path, 1, &partial), OK, "cut at %zu: %s", cut, fail_message());
        add_from(&partial, partial.n_images, 7);
        printed(&partial, again, sizeof again);
        cr_assert_str_eq(again, whole);
        submission_partial_close(&partial);
    }
    mem_free(bytes);
}

// A damaged line ends what counts; what comes before it stays.
Test(submission_partial, damaged_line)
{
    struct submission_partial partial;
    char path[PATH_BYTES], whole[4096], again[4096], *bytes;
    size_t n;
    make_whole(scratch_path(path, "damaged.partial"), whole, sizeof whole);
    cr_assert_eq(file_read(path, 0, &bytes, &n), OK);
    char *at = strstr(bytes, "\"image_id\":11");
    cr_assert_not_null(at);
    at[12] = '2';
    scratch_write(path, "damaged.partial", bytes, n);
    mem_free(bytes);
    cr_assert_eq(reopen(path, 1, &partial), OK, "%s", fail_message());
    cr_expect_eq(partial.n_images, 4);
    add_from(&partial, 4, 7);
    printed(&partial, again, sizeof again);
    cr_expect_str_eq(again, whole);
    submission_partial_close(&partial);
}

Test(submission_partial, refusals)
{
    struct submission_partial partial, second;
    char path[PATH_BYTES], whole[4096], *bytes;
    size_t n;
    make_whole(scratch_path(path, "refusals.partial"), whole, sizeof whole);
    static const struct {
        struct partial_key key;
        const char *message;
    } cases[] = {{{9, 2, 3, EVAL_BOXES}, "checkpoint"},
                 {{1, 9, 3, EVAL_BOXES}, "config"},
                 {{1, 2, 9, EVAL_BOXES}, "list of images"},
                 {{1, 2, 3, EVAL_MASKS}, "type"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_expect_eq(submission_partial_open(path, &cases[i].key, ids, 7, 1, &partial), ERR_DATA);
        expect_message(cases[i].message);
    }
    cr_assert_eq(reopen(path, 1, &partial), OK);
    cr_expect_eq(partial.n_images, 7);
    cr_expect_eq(reopen(path, 1, &second), ERR_IO);
    expect_message("another process");
    submission_partial_close(&partial);
    // A file of another kind is not touched.
    static const char strange[] = "some notes\nof mine\n";
    scratch_text(path, "refusals.partial", strange);
    cr_expect_eq(reopen(path, 1, &partial), ERR_DATA);
    cr_assert_eq(file_read(path, 0, &bytes, &n), OK);
    cr_expect_str_eq(bytes, strange);
    mem_free(bytes);
    cr_expect_eq(reopen("/nonexistent/x.partial", 1, &partial), ERR_IO);
}
