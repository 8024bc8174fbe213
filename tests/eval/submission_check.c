// Checks of finished submissions: each finding, hostile archives, cutting.
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

#include "../scratch.h"
#include "base/mem.h"
#include "eval/submission_check.h"
#include "eval/submission_stream.h"

#define STEM "detections_val2017_x_results"

struct entry {
    const char *name, *text;
    size_t n; // 0: of a string
};

// In a folder of the test's own, for names are checked.
static const char *own_path(char path[PATH_BYTES], const char *name)
{
    char folder[64], joined[PATH_BYTES];
    snprintf(folder, sizeof folder, "check_%ld", (long)getpid());
    cr_assert_eq(folder_create(scratch_path(joined, folder)), OK);
    cr_assert_eq(path_join(path, joined, name), OK);
    return path;
}

static void own_end(void)
{
    char path[PATH_BYTES];
    struct path_list list;
    cr_assert_eq(folder_list(own_path(path, ""), &list), OK);
    for (size_t i = 0; i < list.n; i++) unlink(list.paths[i]);
    path_list_free(&list);
    rmdir(path);
}

static const char *make_zip(char path[PATH_BYTES], const char *name, const struct entry *entries,
                            size_t n)
{
    unlink(own_path(path, name));
    zip_t *zip = zip_open(path, ZIP_CREATE, NULL);
    cr_assert_not_null(zip);
    for (size_t i = 0; i < n; i++) {
        size_t bytes = entries[i].n ? entries[i].n : strlen(entries[i].text);
        zip_source_t *source = zip_source_buffer(zip, entries[i].text, bytes, 0);
        cr_assert_geq(zip_file_add(zip, entries[i].name, source, 0), 0, "%s", zip_strerror(zip));
    }
    cr_assert_eq(zip_close(zip), 0, "%s", zip_strerror(zip));
    return path;
}

// Images 1, 2, 3 (10 high, 20 wide), categories 5 and 90.
static struct coco_dataset *split_load(void)
{
    struct coco_dataset *split;
    static const char text[] =
        "{\"images\":[{\"id\":1,\"file_name\":\"a\",\"height\":10,\"width\":20},"
        "{\"id\":2,\"file_name\":\"b\",\"height\":10,\"width\":20},"
        "{\"id\":3,\"file_name\":\"c\",\"height\":10,\"width\":20}],"
        "\"annotations\":[],"
        "\"categories\":[{\"id\":5,\"name\":\"x\"},{\"id\":90,\"name\":\"y\"}]}";
    char path[PATH_BYTES];
    cr_assert_eq(file_write(own_path(path, "split.json"), text, sizeof text - 1), OK);
    cr_assert_eq(coco_dataset_load(path, &split), OK, "%s", fail_message());
    unlink(path);
    return split;
}

// What was reported.
struct seen {
    struct submission_finding last[FINDING_KINDS];
    char texts[FINDING_KINDS][256];
    size_t n;
};

static void see(void *context, const struct submission_finding *finding)
{
    struct seen *seen = context;
    seen->n++;
    seen->last[finding->kind] = *finding;
    snprintf(seen->texts[finding->kind], sizeof seen->texts[0], "%s", finding->text);
}

static struct submission_summary check_path(const char *path, enum submission_type type,
                                            bool wants_cut, struct seen *seen)
{
    struct coco_dataset *split = split_load();
    struct submission_summary summary;
    struct submission_check_options options = {
        .testset = "val2017", .type = type, .wants_cut = wants_cut, .report = see, .context = seen};
    memset(seen, 0, sizeof *seen);
    cr_assert_eq(submission_check(path, split, &options, &summary), OK, "%s", fail_message());
    coco_dataset_destroy(split);
    return summary;
}

static struct submission_summary check_json(const char *json, struct seen *seen)
{
    char path[PATH_BYTES];
    struct entry entry = {STEM ".json", json, 0};
    return check_path(make_zip(path, STEM ".zip", &entry, 1), SUBMISSION_AUTO, false, seen);
}

#define BOX(image, category, x, score)                                                             \
    "{\"image_id\":" #image ",\"category_id\":" #category ",\"bbox\":[" #x                         \
    ",1,2,3],\"score\":" #score "}"
#define MASK(image, height, width, counts)                                                         \
    "{\"image_id\":" #image                                                                        \
    ",\"category_id\":5,\"score\":0.5,\"segmentation\":{\"size\":[" #height "," #width             \
    "],\"counts\":" counts "}}"

Test(submission_check, sound_boxes, .fini = own_end)
{
    static const char json[] =
        " [ " BOX(1, 5, 4, 0.5) " , " BOX(2, 90, 4, 1) "," BOX(3, 90, -4.5, 0) " ]\n";
    struct seen seen;
    struct submission_summary summary = check_json(json, &seen);
    cr_expect_eq(seen.n, 0, "%s", seen.texts[FINDING_MEMBER]);
    cr_expect_eq(summary.n_results, 3);
    cr_expect_eq(summary.n_images_found, 3);
    cr_expect_eq(summary.type, EVAL_BOXES);
    cr_expect(summary.is_whole);
    cr_expect_eq(summary.json_bytes, sizeof json - 1);
    cr_expect_gt(summary.zip_bytes, 100);
}

Test(submission_check, sound_masks, .fini = own_end)
{
    struct seen seen;
    struct submission_summary summary = check_json(
        "[" MASK(1, 10, 20, "\"4<h5\"") "," MASK(2, 10, 20, "\"\\u0034<h5\"") "]", &seen);
    cr_expect_eq(summary.n_errors, 0, "%s", seen.texts[FINDING_MASK]);
    cr_expect_eq(summary.n_warnings, 0);
    cr_expect_eq(summary.type, EVAL_MASKS);
    cr_expect_eq(seen.n, 1); // image 3 is missing: a note
    cr_expect_eq(seen.last[FINDING_COVERAGE].severity, FINDING_NOTE);
    cr_expect_not_null(strstr(seen.texts[FINDING_COVERAGE], "1 of 3"));
}

Test(submission_check, findings, .fini = own_end)
{
    static const struct {
        const char *json;
        enum finding_kind kind;
        size_t entry;
        const char *text;
        enum finding_severity severity;
    } cases[] = {
        {"", FINDING_SYNTAX, FINDING_WHOLE, "end of file", FINDING_ERROR},
        {"{\"annotations\":[]}", FINDING_SYNTAX, FINDING_WHOLE, "expected an array", FINDING_ERROR},
        {"[]", FINDING_MEMBER, FINDING_WHOLE, "no results", FINDING_ERROR},
        {"[" BOX(1, 5, 4, 0.5), FINDING_SYNTAX, FINDING_WHOLE, "end of file", FINDING_ERROR},
        {"[" BOX(1, 5, 4, 0.5) ",]", FINDING_SYNTAX, FINDING_WHOLE, "entry 1", FINDING_ERROR},
        {"[" BOX(1, 5, 4, 0.5) "] x", FINDING_SYNTAX, FINDING_WHOLE, "after the end",
         FINDING_ERROR},
        {"[" BOX(1, 5, 4, 0.5) "][" BOX(1, 5, 4, 0.5) "]", FINDING_SYNTAX, FINDING_WHOLE,
         "after the end", FINDING_ERROR},
        {"[" BOX(1, 5, 4, 0.5) "," BOX(1, 5, 4, NaN) "]", FINDING_SYNTAX, FINDING_WHOLE, "NaN",
         FINDING_ERROR},
        {"[" BOX(1, 5, 4, -Infinity) "]", FINDING_SYNTAX, FINDING_WHOLE, "Infinity", FINDING_ERROR},
        {"[" BOX(1, 5, 4, 0.5) ",7]", FINDING_MEMBER, 1, "no object", FINDING_ERROR},
        {"[" BOX(1, 5, 4, 0.5) "," BOX(4, 5, 4, 0.5) "]", FINDING_IMAGE, 1, "image_id 4",
         FINDING_ERROR},
        {"[" BOX(1, 5, 4, 0.5) "," BOX(1, 6, 4, 0.5) "]", FINDING_CATEGORY, 1, "category_id 6",
         FINDING_ERROR},
        {"[" BOX("1", 5, 4, 0.5) "]", FINDING_MEMBER, 0, "image_id is not", FINDING_ERROR},
        {"[" BOX(1.5, 5, 4, 0.5) "]", FINDING_MEMBER, 0, "image_id is not", FINDING_ERROR},
        {"[" BOX(1, 5, 4, 1e999) "]", FINDING_MEMBER, 0, "score is not finite", FINDING_ERROR},
        {"[" BOX(1, 5, 1e999, 0.5) "]", FINDING_MEMBER, 0, "bbox is not finite", FINDING_ERROR},
        {"[" BOX(1, 5, 4, "0.5") "]", FINDING_MEMBER, 0, "score is not", FINDING_ERROR},
        {"[{\"image_id\":1,\"category_id\":5,\"bbox\":[1,2,3,4]}]", FINDING_MEMBER, 0,
         "score is missing", FINDING_ERROR},
        {"[{\"category_id\":5,\"bbox\":[1,2,3,4],\"score\":1}]", FINDING_MEMBER, 0,
         "image_id is missing", FINDING_ERROR},
        {"[{\"image_id\":1,\"bbox\":[1,2,3,4],\"score\":1}]", FINDING_MEMBER, 0,
         "category_id is missing", FINDING_ERROR},
        {"[{\"image_id\":1,\"category_id\":5,\"score\":1}]", FINDING_MEMBER, 0, "bbox is missing",
         FINDING_ERROR},
        {"[{\"image_id\":1,\"category_id\":5,\"score\":1,\"bbox\":[]}]", FINDING_MEMBER, 0,
         "bbox is missing", FINDING_ERROR},
        {"[{\"image_id\":1,\"category_id\":5,\"score\":1,\"bbox\":[1,2,3]}]", FINDING_MEMBER, 0,
         "four numbers", FINDING_ERROR},
        {"[{\"image_id\":1,\"category_id\":5,\"score\":1,\"bbox\":[1,2,3,4,5]}]", FINDING_MEMBER, 0,
         "four numbers", FINDING_ERROR},
        {"[{\"image_id\":1,\"category_id\":5,\"score\":1,\"bbox\":[1,2,-3,4]}]", FINDING_BOX, 0,
         "width -3", FINDING_WARNING},
        {"[" BOX(1, 5, 4, 0.5) "," BOX(1, 5, 7, 0.5) "," BOX(1, 5, 4, 0.25) "]", FINDING_DUPLICATE,
         2, "repeats entry 0", FINDING_WARNING},
        {"[" BOX(1, 5, 4, 0.5) "," MASK(1, 10, 20, "\"4<h5\"") "]", FINDING_MEMBER, 1,
         "bbox is missing", FINDING_ERROR},
        {"[" MASK(1, 10, 20, "\"4<h5\"") "," BOX(1, 5, 4, 0.5) "]", FINDING_MEMBER, 1,
         "segmentation is missing", FINDING_ERROR},
        {"[{\"image_id\":1,\"category_id\":5,\"score\":1,\"bbox\":[1,2,3,4],\"segmentation\":"
         "{\"size\":[10,20],\"counts\":\"4<h5\"}}]",
         FINDING_TYPE, 0, "beside", FINDING_WARNING},
        {"[" MASK(1, 20, 10, "\"4<h5\"") "]", FINDING_MASK, 0, "20 x 10", FINDING_ERROR},
        {"[" MASK(1, 10, 20, "\"4<h4\"") "]", FINDING_MASK, 0, "segmentation", FINDING_ERROR},
        {"[" MASK(1, 10, 20, "\"\"") "]", FINDING_MASK, 0, "segmentation", FINDING_ERROR},
        {"[" MASK(1, 10, 20, "[4,12,184]") "]", FINDING_MASK, 0, "compressed", FINDING_ERROR},
        {"[" MASK(1, -1, 20, "\"4<h5\"") "]", FINDING_MASK, 0, "size", FINDING_ERROR},
        {"[" MASK(1, 99999999999, 99999999999, "\"4<h5\"") "]", FINDING_MASK, 0, "size",
         FINDING_ERROR},
        {"[{\"image_id\":1,\"category_id\":5,\"score\":1,\"segmentation\":[[1,2,3,4,5,6]]}]",
         FINDING_MASK, 0, "polygons", FINDING_ERROR},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct seen seen;
        struct submission_summary summary = check_json(cases[i].json, &seen);
        enum finding_kind kind = cases[i].kind;
        cr_expect_eq(summary.n_findings[kind], 1, "case %zu: %zu findings", i,
                     summary.n_findings[kind]);
        cr_expect_eq(seen.last[kind].entry, cases[i].entry, "case %zu: entry %zu", i,
                     seen.last[kind].entry);
        cr_expect_eq(seen.last[kind].severity, cases[i].severity, "case %zu", i);
        cr_expect_not_null(strstr(seen.texts[kind], cases[i].text), "case %zu: %s", i,
                           seen.texts[kind]);
        cr_expect_eq(summary.n_errors, cases[i].severity == FINDING_ERROR, "case %zu: %zu errors",
                     i, summary.n_errors);
    }
}

// Several findings in one entry, and entries behind it are still read.
Test(submission_check, goes_on, .fini = own_end)
{
    struct seen seen;
    struct submission_summary summary = check_json(
        "[{\"image_id\":7,\"category_id\":\"x\",\"bbox\":{\"a\":[1]},\"score\":null,\"b\":[]}," BOX(
            1, 5, 4, 0.5) "," BOX(8, 5, 4, 0.5) "]",
        &seen);
    cr_expect_eq(summary.n_findings[FINDING_MEMBER], 3);
    cr_expect_eq(summary.n_findings[FINDING_IMAGE], 2);
    cr_expect_eq(summary.n_errors, 5);
    cr_expect_eq(summary.n_results, 3);
    cr_expect_eq(summary.n_images_found, 1);
}

Test(submission_check, layout, .fini = own_end)
{
    static const char good[] = "[" BOX(1, 5, 4, 0.5) "," BOX(2, 5, 4, 0.5) "," BOX(3, 5, 4, 1) "]";
    static const struct {
        const char *file;
        struct entry entries[3];
        size_t n;
        enum finding_kind kind;
        const char *text;
    } cases[] = {
        {"results.zip", {{"results.json", good, 0}}, 1, FINDING_NAME, "must be called"},
        {"detections_test-dev2017_x_results.zip",
         {{"detections_test-dev2017_x_results.json", good, 0}},
         1,
         FINDING_NAME,
         "detections_val2017_"},
        {STEM ".zip", {{"other.json", good, 0}}, 1, FINDING_NAME, "expected '" STEM ".json'"},
        {STEM ".zip", {{"folder/" STEM ".json", good, 0}}, 1, FINDING_LAYOUT, "top level"},
        {STEM ".zip", {{"..\\" STEM ".json", good, 0}}, 1, FINDING_LAYOUT, "top level"},
        {STEM ".zip",
         {{STEM ".json", good, 0}, {"__MACOSX/", "", 0}},
         2,
         FINDING_LAYOUT,
         "folder '__MACOSX/'"},
        {STEM ".zip",
         {{STEM ".json", good, 0}, {"read\nme", "x", 0}},
         2,
         FINDING_LAYOUT,
         "'read?me'"},
        {STEM ".zip", {{"notes", good, 0}}, 1, FINDING_LAYOUT, "0 .json"},
        {STEM ".zip", {{STEM ".json", good, 0}, {"b.json", good, 0}}, 2, FINDING_LAYOUT, "2 .json"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct seen seen;
        char path[PATH_BYTES];
        make_zip(path, cases[i].file, cases[i].entries, cases[i].n);
        struct submission_summary summary = check_path(path, SUBMISSION_AUTO, false, &seen);
        cr_expect_gt(summary.n_errors, 0, "case %zu", i);
        cr_expect_not_null(strstr(seen.texts[cases[i].kind], cases[i].text), "case %zu: %s", i,
                           seen.texts[cases[i].kind]);
        cr_expect_eq(seen.last[cases[i].kind].entry, FINDING_WHOLE);
        unlink(path);
    }
}

Test(submission_check, no_archive, .fini = own_end)
{
    char path[PATH_BYTES];
    struct seen seen;
    struct submission_summary summary;
    struct submission_check_options options = {.report = see, .context = &seen};
    struct coco_dataset *split = split_load();
    static const char *const texts[] = {"", "[]", "PK\x03\x04 not really"};
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(file_write(own_path(path, STEM ".zip"), texts[i], strlen(texts[i])), OK);
        summary = check_path(path, SUBMISSION_AUTO, false, &seen);
        cr_expect_eq(summary.n_findings[FINDING_ARCHIVE] + summary.n_findings[FINDING_LAYOUT], 1,
                     "text %zu", i);
        cr_expect_geq(summary.n_errors, 1);
        cr_expect_not(summary.is_whole);
    }
    cr_expect_eq(submission_check("/nonexistent.zip", split, &options, &summary), ERR_IO);
    cr_expect_eq(submission_check(TARN_BINARY_DIR, split, &options, &summary), ERR_IO);
    coco_dataset_destroy(split);
}

static void rewrite(const char *path, const char *bytes, size_t n)
{
    FILE *file = fopen(path, "wb"); // file_write waits for the disk
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(bytes, 1, n, file), n);
    cr_assert_eq(fclose(file), 0);
}

// Each byte of an archive broken in turn, and the archive cut off everywhere: findings, no crash.
Test(submission_check, broken_bytes, .fini = own_end)
{
    static const char json[] = "[" BOX(1, 5, 4, 0.5) "," BOX(2, 5, 4, 0.5) "," BOX(3, 5, 4, 1) "]";
    struct entry entry = {STEM ".json", json, 0};
    char path[PATH_BYTES], *bytes;
    size_t n, n_found = 0;
    struct seen seen;
    make_zip(path, STEM ".zip", &entry, 1);
    cr_assert_eq(file_read(path, 0, &bytes, &n), OK);
    for (size_t i = 0; i < n; i++) {
        bytes[i] = (char)(bytes[i] ^ 0xFF);
        rewrite(path, bytes, n);
        n_found += check_path(path, SUBMISSION_AUTO, false, &seen).n_errors > 0;
        bytes[i] = (char)(bytes[i] ^ 0xFF);
        rewrite(path, bytes, i);
        cr_assert_gt(check_path(path, SUBMISSION_AUTO, false, &seen).n_errors, 0, "cut at %zu", i);
    }
    cr_expect_gt(n_found, n / 2);
    mem_free(bytes);
}

// Eighty megabytes of space unpack from little: between entries they cost nothing, within one they
// are refused.
Test(submission_check, inflated, .fini = own_end)
{
    enum { SPACE = 80 << 20 };
    char path[PATH_BYTES];
    struct seen seen;
    char *text = mem_alloc(SPACE, 1);
    memset(text, ' ', SPACE);
    text[0] = '[';
    text[SPACE - 1] = ']';
    memcpy(text + SPACE / 2, BOX(1, 5, 4, 0.5), sizeof BOX(1, 5, 4, 0.5) - 1);
    struct entry entry = {STEM ".json", text, SPACE};
    make_zip(path, STEM ".zip", &entry, 1);
    struct submission_summary summary = check_path(path, SUBMISSION_AUTO, false, &seen);
    cr_expect_eq(summary.n_errors, 0, "%s", seen.texts[FINDING_SYNTAX]);
    cr_expect_eq(summary.n_results, 1);
    cr_expect_eq(summary.json_bytes, SPACE);
    text[1] = '{';
    make_zip(path, STEM ".zip", &entry, 1);
    summary = check_path(path, SUBMISSION_AUTO, false, &seen);
    cr_expect_eq(summary.n_findings[FINDING_SYNTAX], 1);
    mem_free(text);
    unlink(path);
}

// 150 results of image 1 and 3 of image 2; the cut keeps the best hundred as they are written.
Test(submission_check, cut, .fini = own_end)
{
    enum { N = 150 };
    char path[PATH_BYTES], folder[PATH_BYTES], json[32768];
    struct seen seen;
    size_t used = 0;
    used += (size_t)snprintf(json, sizeof json, "[");
    for (int i = 0; i < N; i++)
        used += (size_t)snprintf(json + used, sizeof json - used,
                                 "{\"image_id\":1,\"category_id\":5,\"bbox\":[%d,1,2,3.0],"
                                 "\"score\":%s},",
                                 i, i % 3 ? "0.50" : "0.75");
    snprintf(json + used, sizeof json - used,
             BOX(2, 5, 1, 0.1) "," BOX(2, 5, 2, 0.1) "," BOX(2, 5, 3, 0.1) "]");
    struct entry entry = {STEM ".json", json, 0};
    make_zip(path, STEM ".zip", &entry, 1);
    struct submission_summary summary = check_path(path, SUBMISSION_AUTO, true, &seen);
    cr_expect_eq(summary.n_errors, 1);
    cr_expect_eq(seen.last[FINDING_LIMIT].entry, 100);
    cr_expect_eq(summary.n_images_over, 1);
    cr_assert(summary.can_be_cut);
    for (int i = 0, n_second = 0; i < N; i++) {
        // All 50 of the better score, and of the others the first 50.
        n_second += i % 3 != 0;
        cr_expect_eq(summary.is_kept[i], i % 3 == 0 || n_second <= 50, "%d", i);
    }
    cr_assert_eq(folder_create(own_path(folder, "cut")), OK);
    cr_assert_eq(submission_cut(path, &summary, folder, STEM), OK, "%s", fail_message());
    submission_summary_free(&summary);
    unlink(path);
    cr_assert_eq(path_join(path, folder, STEM ".zip"), OK);
    summary = check_path(path, SUBMISSION_BOXES, false, &seen);
    cr_expect_eq(summary.n_errors, 0);
    cr_expect_eq(summary.n_results, 103);
    cr_expect_eq(summary.n_images_found, 2);
    unlink(path);
    rmdir(folder);
}

Test(submission_check, no_cut_of_broken_files, .fini = own_end)
{
    char path[PATH_BYTES];
    struct seen seen;
    struct entry entry = {STEM ".json", "[" BOX(1, 5, 4, 0.5) "," BOX(9, 5, 4, 0.5) "]", 0};
    make_zip(path, STEM ".zip", &entry, 1);
    struct submission_summary summary = check_path(path, SUBMISSION_AUTO, true, &seen);
    cr_expect_not(summary.can_be_cut);
    cr_expect_null(summary.is_kept);
    unlink(path);
}

// --- the stream

struct feed {
    const char *text;
    size_t n, at, step;
};

static enum status read_feed(void *context, void *bytes, size_t n, size_t *got)
{
    struct feed *feed = context;
    size_t left = feed->n - feed->at, want = n < feed->step ? n : feed->step;
    *got = want < left ? want : left;
    memcpy(bytes, feed->text + feed->at, *got);
    feed->at += *got;
    return OK;
}

// The same elements whatever the pieces are; one as long as several buffers among them.
Test(submission_stream, pieces)
{
    static const char *const parts[] = {
        "1", "-2.5e3", "\"a\\\\\\\"]\"", "{\"a\":[1,{}]}", "true", "null", "[]", NULL, "{}"};
    enum { N = sizeof parts / sizeof *parts, LONG = 3 << 20 };
    char *text = mem_alloc(LONG + 200, 1), *longest = mem_alloc(LONG + 1, 1);
    memset(longest, 'x', LONG);
    longest[0] = longest[LONG - 1] = '"';
    size_t used = 0, passed = 0;
    text[used++] = '[';
    for (size_t i = 0; i < N; i++) {
        const char *part = parts[i] ? parts[i] : longest;
        memcpy(text + used, part, strlen(part));
        used += strlen(part);
        text[used++] = i + 1 < N ? ',' : ']';
    }
    static const size_t steps[] = {1000003, 4096, 77, 1};
    for (size_t s = 0; s < 4; s++) {
        struct feed feed = {text, used, 0, steps[s]};
        struct element_stream stream = {.read = read_feed, .context = &feed};
        struct stream_element element;
        for (size_t i = 0; i < N; i++) {
            const char *part = parts[i] ? parts[i] : longest;
            cr_assert_eq(element_stream_next(&stream, &element), OK, "%s", fail_message());
            cr_assert_not_null(element.bytes);
            cr_assert_eq(element.n, strlen(part), "element %zu", i);
            cr_assert(memcmp(element.bytes, part, element.n) == 0);
            cr_assert_eq(element.index, i);
            cr_assert(memcmp(text + element.offset, part, element.n) == 0);
        }
        cr_assert_eq(element_stream_next(&stream, &element), OK);
        cr_assert_null(element.bytes);
        cr_assert_eq(element_stream_next(&stream, &element), OK); // and so it stays
        cr_assert_null(element.bytes);
        element_stream_free(&stream);
        passed++;
    }
    cr_expect_eq(passed, 4);
    mem_free(text);
    mem_free(longest);
}

// A buffer's end in the middle of anything changes nothing, errors included.
Test(submission_stream, errors)
{
    static const struct {
        const char *text, *message;
    } cases[] = {{"", "unexpected end"},    {"[", "unexpected end"},    {"[1", "unexpected end"},
                 {"[1 2]", "byte 3"},       {"[tru", "unexpected end"}, {"[\"\\u12", "unexpected"},
                 {"[1,", "unexpected end"}, {"[NaN]", "NaN"},           {"[01]", "begins with 0"},
                 {"[1]]", "after the end"}, {"{}", "an object"},        {"7", "expected '['"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct feed feed = {cases[i].text, strlen(cases[i].text), 0, 1};
        struct element_stream stream = {.read = read_feed, .context = &feed};
        struct stream_element element = {.bytes = ""};
        enum status status = OK;
        while (status == OK && element.bytes) status = element_stream_next(&stream, &element);
        cr_expect_neq(status, OK, "case %zu", i);
        cr_expect_not_null(strstr(fail_message(), cases[i].message), "case %zu: %s", i,
                           fail_message());
        element_stream_free(&stream);
    }
}
