// The page as a whole.
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../scratch.h"
#include "base/mem.h"
#include "coco/image.h"
#include "eval/report/report.h"
#include "report_form.h"
#include "report_set.h"

// Freed with mem_free. A file for each process: tests run side by side.
static char *write_page(const struct report_set *set, const char *images, int n_worst)
{
    char path[PATH_BYTES], name[32], *page;
    size_t n;
    snprintf(name, sizeof name, "report.%ld.html", (long)getpid());
    const struct report_options options = {"some/<results>.json", images, n_worst};
    cr_assert_eq(report_write(scratch_path(path, name), set->truth, set->results.detections,
                              &set->evaluation, &options),
                 OK, "%s", fail_message());
    cr_assert_eq(file_read(path, 0, &page, &n), OK);
    unlink(path);
    cr_assert_eq(strlen(page), n);
    expect_well_formed(page);
    cr_expect_null(strstr(page, "http://"), "the page needs something from elsewhere");
    cr_expect_null(strstr(page, "https://"));
    cr_expect_null(strstr(page, "url("));
    return page;
}

static void expect_has(const char *page, const char *text)
{
    cr_expect_not_null(strstr(page, text), "the page lacks %s", text);
}

Test(report_page, small_set)
{
    struct report_set set;
    report_set_make("page", report_truth, report_results, EVAL_BOXES, &set);
    char *page = write_page(&set, NULL, 0);
    for (int i = 0; i < COCO_STATS; i++) {
        char text[128];
        snprintf(text, sizeof text, "<span class=\"k\">%s</span><span class=\"v\" title=\"%.17g\">",
                 coco_stat_names[i], set.evaluation.result.stats[i]);
        expect_has(page, text);
    }
    expect_has(page, "&lt;results&gt;.json");
    cr_expect_eq(count_elements(page, "section"), 7);
    expect_has(page, "No images were given");
    // Best F1: 6 / 15 at the lowest score, three of eight right, three of seven found.
    expect_has(page, "Best F1 <b>0.400</b> at score <b>0.2</b>: precision <b>0.375</b>, recall "
                     "<b>0.429</b>.");
    expect_has(page, "<b class=\"gain\">+0.084</b><span class=\"count\">1</span>"); // both: 8.5/101
    expect_has(page,
               "data-r=\"1\" data-c=\"0\" data-n=\"1\""); // B taken for A, by the detection of 0.6
    cr_expect_eq(count_elements(page, "img"), 0);
    mem_free(page);
    report_set_free(&set);
}

#define HOSTILE "</script><script>alert(1)</script><img src=x onerror=alert(2)>\\\"'&amp;\\u202e"

// Names that would be markup, in every place where a name stands; a class without objects, one of a
// very long name, one of none.
Test(report_page, hostile_names)
{
    static char truth[8192];
    char longest[2001];
    struct report_set set;
    memset(longest, '<', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    snprintf(truth, sizeof truth,
             "{\"images\":[{\"id\":1,\"height\":90,\"width\":90,\"file_name\":\"%s\"}],"
             "\"categories\":[{\"id\":1,\"name\":\"%s\"},{\"id\":2,\"name\":\"%s\"},{\"id\":3,"
             "\"name\":\"\"},{\"id\":4,\"name\":\"\xFF\xFE\"}],\"annotations\":[{\"id\":1,"
             "\"image_id\":1,\"category_id\":1,\"bbox\":[0,0,9,9],\"area\":81,\"iscrowd\":0},"
             "{\"id\":2,\"image_id\":1,\"category_id\":2,\"bbox\":[20,0,9,9],\"area\":81,"
             "\"iscrowd\":0},{\"id\":3,\"image_id\":1,\"category_id\":3,\"bbox\":[40,0,9,9],"
             "\"area\":81,\"iscrowd\":0}]}",
             HOSTILE, HOSTILE, longest);
    report_set_make("hostile", truth,
                    "[{\"image_id\":1,\"category_id\":2,\"bbox\":[0,0,9,9],\"score\":0.5},"
                    "{\"image_id\":1,\"category_id\":1,\"bbox\":[20,0,9,9],\"score\":-3},"
                    "{\"image_id\":1,\"category_id\":4,\"bbox\":[40,40,9,9],\"score\":1e6}]",
                    EVAL_BOXES, &set);
    char *plain = write_page(&set, NULL, 0), *page = write_page(&set, "/no/such/folder", 0);
    cr_expect_eq(count_elements(page, "script"), 3); // the page's own
    cr_expect_eq(count_elements(page, "img"), 0);
    cr_expect_null(strstr(page, "alert(1)</script>"));
    cr_expect_null(strstr(page, "\xFF"));
    cr_expect_null(strstr(page, "\xE2\x80\xAE"));
    expect_has(page, "Cannot be shown: /no/such/folder/&lt;/script&gt;");
    expect_has(page, "<th scope=\"row\">3</th>"); // the id stands for an empty name
    cr_expect_lt(strlen(plain), 100000);
    mem_free(page);
    mem_free(plain);
    report_set_free(&set);
}

Test(report_page, nothing_at_all)
{
    struct report_set set;
    report_set_make("empty_page", "{\"images\":[],\"categories\":[],\"annotations\":[]}", "[]",
                    EVAL_BOXES, &set);
    char *page = write_page(&set, "/tmp", 0);
    expect_has(page, "There are no objects");
    expect_has(page, "No image has an error.");
    expect_has(page, "No detections.");
    mem_free(page);
    report_set_free(&set);
}

static void paint(const char *name, int width, int height)
{
    char path[PATH_BYTES];
    struct image image = {width, height, mem_alloc((size_t)width * (size_t)height, 3)};
    cr_assert_not_null(image.rgb);
    cr_assert_eq(image_save_png(scratch_path(path, name), &image), OK);
    image_free(&image);
}

// Two images with one error each: one is there, the other has another size than its annotation.
// Polygons, a run-length mask, a detection with a box alone.
Test(report_page, masks_and_images)
{
    struct report_set set;
    paint("report_one.png", 60, 40);
    paint("report_two.png", 50, 40);
    report_set_make(
        "masks",
        "{\"images\":[{\"id\":1,\"height\":40,\"width\":60,\"file_name\":\"report_one.png\"},"
        "{\"id\":2,\"height\":40,\"width\":60,\"file_name\":\"report_two.png\"},{\"id\":3,"
        "\"height\":40,\"width\":60}],\"categories\":[{\"id\":7,\"name\":\"A\"}],\"annotations\":["
        "{\"id\":1,\"image_id\":1,\"category_id\":7,\"segmentation\":[[5,5,25,5,25,25,5,25]],"
        "\"area\":400,\"iscrowd\":0,\"bbox\":[5,5,20,20]},{\"id\":2,\"image_id\":1,\"category_id\":"
        "7,\"segmentation\":{\"size\":[40,60],\"counts\":[1600,400,400]},\"area\":400,\"iscrowd\":"
        "1,"
        "\"bbox\":[40,0,10,40]},{\"id\":3,\"image_id\":2,\"category_id\":7,\"segmentation\":[[5,5,"
        "25,5,25,25,5,25]],\"area\":400,\"iscrowd\":0,\"bbox\":[5,5,20,20]},{\"id\":4,\"image_id\":"
        "3,\"category_id\":7,\"segmentation\":[[5,5,25,5,25,25,5,25]],\"area\":400,\"iscrowd\":0,"
        "\"bbox\":[5,5,20,20]}]}",
        "[{\"image_id\":1,\"category_id\":7,\"segmentation\":[[5,5,25,5,25,25,5,25]],\"score\":0.9}"
        ","
        "{\"image_id\":1,\"category_id\":7,\"bbox\":[30,30,9,9],\"score\":0.9}]",
        EVAL_MASKS, &set);
    char *page = write_page(&set, TARN_BINARY_DIR "/scratch", 0);
    cr_expect_eq(count_elements(page, "img"), 2);
    expect_has(
        page, "alt=\"Ground truth of report_one.png: 0 missed\" src=\"data:image/jpeg;base64,/9j/");
    expect_has(page, "alt=\"Detections of report_one.png: 1 wrong\"");
    expect_has(page, "width=\"120\" height=\"80\""); // enlarged twice, not to 640
    expect_has(page, "is 50 x 40 pixels, its annotation says 60 x 40");
    expect_has(page, "The annotations give no file name.");
    mem_free(page);
    page = write_page(&set, TARN_BINARY_DIR "/scratch", 1);
    cr_expect_eq(count_elements(page, "article"), 1);
    mem_free(page);
    report_set_free(&set);
}

// More classes than are shown apart, and more errors than images are shown.
Test(report_page, many_classes)
{
    enum { N = 150 };
    static char truth[N * 250], results[N * 120];
    char *t = truth, *r = results;
    struct report_set set;
    t += snprintf(t, 32, "{\"images\":[");
    for (int i = 0; i < N; i++) t += snprintf(t, 32, "%s{\"id\":%d}", i ? "," : "", i + 1);
    t += snprintf(t, 32, "],\"categories\":[");
    for (int i = 0; i < N; i++)
        t += snprintf(t, 48, "%s{\"id\":%d,\"name\":\"c%d\"}", i ? "," : "", i + 1, i);
    t += snprintf(t, 32, "],\"annotations\":[");
    r += snprintf(r, 8, "[");
    for (int i = 0; i < N; i++) {
        t += snprintf(t, 160,
                      "%s{\"id\":%d,\"image_id\":%d,\"category_id\":%d,\"bbox\":[0,0,9,9],\"area\":"
                      "81,\"iscrowd\":0}",
                      i ? "," : "", i + 1, i + 1, i + 1);
        r += snprintf(r, 110,
                      "%s{\"image_id\":%d,\"category_id\":%d,\"bbox\":[0,0,9,9],\"score\":0.5}",
                      i ? "," : "", i + 1, (i + 1) % N + 1);
    }
    snprintf(t, 8, "]}");
    snprintf(r, 8, "]");
    report_set_make("many", truth, results, EVAL_BOXES, &set);
    char *page = write_page(&set, NULL, 0);
    cr_expect_eq(count_elements(page, "option"), REPORT_SHOWN_CLASSES + 1);
    cr_expect_eq(count_elements(page, "article"), REPORT_WORST);
    expect_has(page, "The 100 classes with the most objects are shown.");
    expect_has(page, "\"other classes\"");
    cr_expect_lt(strlen(page), 400000);
    mem_free(page);
    report_set_free(&set);
}

Test(report_page, class_agnostic)
{
    struct report_set set;
    struct eval_params params;
    report_set_make("agnostic", report_truth, report_results, EVAL_BOXES, &set);
    params = set.evaluation.params;
    evaluation_free(&set.evaluation);
    params.use_categories = false;
    cr_assert_eq(
        evaluation_run(set.truth, set.results.detections, set.results.n, &params, &set.evaluation),
        OK);
    char *page = write_page(&set, NULL, 0);
    cr_expect_null(strstr(page, "id=\"classes\""));
    expect_has(page, "all classes taken as one");
    expect_has(page, "\"all categories as one\"");
    mem_free(page);
    report_set_free(&set);
}

Test(report_page, errors)
{
    struct report_set set;
    char path[PATH_BYTES];
    report_set_make("page_errors", report_truth, report_results, EVAL_BOXES, &set);
    const struct report_options options = {"r.json", NULL, 0};
    cr_expect_eq(report_write("/no/such/folder/report.html", set.truth, set.results.detections,
                              &set.evaluation, &options),
                 ERR_IO);
    for (size_t nth = 1; nth < 10000; nth++) { // every allocation may fail
        mem_fail_at(nth, false);
        enum status status = report_write(scratch_path(path, "report_memory.html"), set.truth,
                                          set.results.detections, &set.evaluation, &options);
        mem_fail_at(0, false);
        if (status == OK) break;
        cr_assert_eq(status, ERR_MEMORY);
        cr_assert_lt(nth, 9999);
    }
    report_set_free(&set);
}
