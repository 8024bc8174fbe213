// What the ways of reading do: each option beside its default.
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../scratch.h"
#include "eval/evaluation.h"

#define TRUTH(annotations)                                                                         \
    "{\"images\":[{\"id\":1,\"height\":40,\"width\":50},{\"id\":2,\"height\":40,\"width\":50}],"   \
    "\"categories\":[{\"id\":3,\"name\":\"a\"},{\"id\":4,\"name\":\"b\"}],"                        \
    "\"annotations\":[" annotations "]}"
// 20 x 20 pixels, a mask of their left half.
#define OBJECT(id, more)                                                                           \
    "{\"id\":" id ",\"image_id\":1,\"category_id\":3,\"bbox\":[5,5,20,20],"                        \
    "\"segmentation\":[[5,5,15,5,15,25,5,25]]" more "}"
#define RESULT(image, category, more)                                                              \
    "[{\"image_id\":" image ",\"category_id\":" category                                           \
    ",\"score\":0.5,\"bbox\":[5,5,20,20]" more "}]"
#define PLAIN       ",\"area\":200,\"iscrowd\":0"
#define GOOD        OBJECT("1", PLAIN)
#define GOOD_RESULT RESULT("1", "3", "")
#define HALF        ",\"segmentation\":[[5,5,15,5,15,25,5,25]]"
#define MASK_RESULT RESULT("1", "3", HALF)

struct outcome {
    enum status status;
    double ap, small, medium, area; // area: of the first object
    size_t n_results;
};

static struct outcome read_and_run(const char *truth_text, const char *results_text,
                                   const struct eval_reading *reading)
{
    struct outcome outcome = {.ap = -2};
    struct eval_truth *truth = NULL;
    struct eval_results results = {.detections = NULL};
    struct eval_params params;
    struct evaluation run;
    char name[64], path[PATH_BYTES];
    eval_params_init(&params);
    params.type = reading->type;
    snprintf(name, sizeof name, "reading%ld.truth.json", (long)getpid());
    outcome.status = eval_truth_open_as(scratch_text(path, name, truth_text), reading, &truth);
    unlink(path);
    if (outcome.status != OK) return outcome;
    if (truth->n_objects) outcome.area = truth->objects[0].area;
    snprintf(name, sizeof name, "reading%ld.results.json", (long)getpid());
    outcome.status =
        eval_results_open_as(scratch_text(path, name, results_text), truth, reading, &results);
    unlink(path);
    if (outcome.status == OK) {
        cr_assert_eq(evaluation_run(truth, results.detections, results.n, &params, &run), OK, "%s",
                     fail_message());
        outcome.ap = run.result.stats[0];
        outcome.small = run.result.stats[3];
        outcome.medium = run.result.stats[4];
        outcome.n_results = results.n;
        evaluation_free(&run);
        eval_results_close(&results);
    }
    eval_truth_destroy(truth);
    return outcome;
}

static double ap(const char *truth, const char *results, const struct eval_reading *reading)
{
    struct outcome outcome = read_and_run(truth, results, reading);
    cr_assert_eq(outcome.status, OK, "%s", fail_message());
    return outcome.ap;
}

static void expect_refused(const char *truth, const char *results,
                           const struct eval_reading *reading, const char *message)
{
    struct outcome outcome = read_and_run(truth, results, reading);
    cr_expect_eq(outcome.status, ERR_DATA, "%s", message);
    expect_message(message);
}

Test(eval_reading, id0)
{
    const struct eval_reading plain = {0}, counted = {.count_id0 = true};
    cr_expect_eq(ap(TRUTH(OBJECT("0", PLAIN)), GOOD_RESULT, &plain), 0);
    cr_expect_gt(ap(TRUTH(OBJECT("0", PLAIN)), GOOD_RESULT, &counted), 0.99);
    // Counted, it is no oddity.
    const struct eval_reading strict = {.count_id0 = true, .is_strict = true};
    cr_expect_gt(ap(TRUTH(OBJECT("0", PLAIN)), GOOD_RESULT, &strict), 0.99);
}

Test(eval_reading, areas)
{
    static const char no_area[] = TRUTH(OBJECT("1", ",\"iscrowd\":0"));
    static const char with_area[] = TRUTH(OBJECT("1", ",\"area\":2000,\"iscrowd\":0"));
    const struct eval_reading plain[] = {{.type = EVAL_BOXES}, {.type = EVAL_MASKS}};
    for (int type = 0; type < 2; type++) {
        struct eval_reading reading = plain[type];
        const char *results = type ? MASK_RESULT : GOOD_RESULT;
        expect_refused(no_area, results, &reading, "annotations[0] (byte ");
        expect_message(", id 1): area is missing");
        cr_expect_eq(read_and_run(with_area, results, &reading).area, 2000);
        reading.derive_area = true;
        cr_expect_eq(read_and_run(no_area, results, &reading).area, type ? 200 : 400);
        cr_expect_eq(read_and_run(with_area, results, &reading).area, 2000);
        reading.area = AREA_OF_BOX;
        cr_expect_eq(read_and_run(with_area, results, &reading).area, 400);
        reading.area = AREA_OF_MASK;
        cr_expect_eq(read_and_run(with_area, results, &reading).area, 200);
        cr_expect_gt(read_and_run(no_area, results, &reading).small, 0.99);
    }
}

// A second result lies elsewhere: 40 x 30 by its box, 20 x 30 by its mask. Unmatched and out of
// range it is no false positive.
Test(eval_reading, areas_of_results)
{
    static const char truth[] = TRUTH(OBJECT("1", ",\"area\":200,\"iscrowd\":0"));
    static const char results[] =
        "[{\"image_id\":2,\"category_id\":3,\"score\":0.9,\"bbox\":[5,5,40,30],"
        "\"segmentation\":[[5,5,25,5,25,35,5,35]]},"
        "{\"image_id\":1,\"category_id\":3,\"score\":0.5,\"bbox\":[5,5,20,20]" HALF "}]";
    const struct {
        struct eval_reading reading;
        bool is_small;
    } cases[] = {
        {{.type = EVAL_BOXES}, false},
        {{.type = EVAL_BOXES, .area = AREA_OF_MASK}, true},
        {{.type = EVAL_MASKS}, true},
        {{.type = EVAL_MASKS, .area = AREA_OF_BOX}, false},
        {{.type = EVAL_MASKS, .result_area_of_box = true}, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct outcome outcome = read_and_run(truth, results, &cases[i].reading);
        cr_assert_eq(outcome.status, OK, "%s", fail_message());
        cr_expect_float_eq(outcome.small, cases[i].is_small ? 0.5 : 1, 0.01, "case %zu", i);
    }
}

Test(eval_reading, unknown_images)
{
    static const char results[] =
        "[{\"image_id\":9,\"category_id\":3,\"score\":0.9,\"bbox\":[5,5,20,20]},"
        "{\"image_id\":9,\"category_id\":3,\"score\":0.9,\"segmentation\":[[1,1]]},"
        "{\"image_id\":1,\"category_id\":3,\"score\":0.5,\"bbox\":[5,5,20,20]}]";
    struct eval_reading reading = {0};
    expect_refused(TRUTH(GOOD), results, &reading, "2 of 3 results are for images that");
    expect_message("does not list: 9 (--skip-unknown-images");
    reading.skip_unknown_images = true;
    struct outcome outcome = read_and_run(TRUTH(GOOD), results, &reading);
    cr_expect_eq(outcome.status, OK);
    cr_expect_eq(outcome.n_results, 1);
    cr_expect_gt(outcome.ap, 0.99);
}

// Two images, both objects with the id 1: the last stands for both, and one is never found.
Test(eval_reading, repeated_ids)
{
    static const char truth[] =
        TRUTH(GOOD ",{\"id\":1,\"image_id\":2,\"category_id\":3,\"bbox\":[0,0,9,9],\"area\":81,"
                   "\"iscrowd\":0}");
    static const char results[] =
        "[{\"image_id\":1,\"category_id\":3,\"score\":0.5,\"bbox\":[5,5,20,20]},"
        "{\"image_id\":2,\"category_id\":3,\"score\":0.5,\"bbox\":[0,0,9,9]}]";
    struct eval_reading reading = {0};
    expect_refused(truth, results, &reading, "annotations[1] has the id 1 of annotations[0]");
    reading.repeat_last = true;
    cr_expect_float_eq(ap(truth, results, &reading), 0.2525, 5e-5); // pycocotools 2.0.11
    reading.is_strict = true;
    expect_refused(truth, results, &reading, "1 annotations repeat an id");
}

// The first of two objects with the id 1 is of a class that the file does not list. The last stands
// for it where classes do not count: one of two objects is found. Checked with pycocotools 2.0.11.
Test(eval_reading, repeated_ids_of_unknown_classes)
{
    static const char truth[] =
        TRUTH("{\"id\":1,\"image_id\":1,\"category_id\":8,\"bbox\":[0,0,9,9],\"area\":81,"
              "\"iscrowd\":0}," GOOD);
    struct eval_reading reading = {.repeat_last = true};
    cr_expect_float_eq(ap(truth, GOOD_RESULT, &reading), 1.0, 1e-9);
    reading.any_category = true;
    cr_expect_float_eq(ap(truth, GOOD_RESULT, &reading), 51.0 / 101.0, 1e-9);
}

// What is a warning by default is an error for who is strict.
Test(eval_reading, strict)
{
    static const struct {
        const char *truth, *results, *message;
        enum eval_type type;
    } cases[] = {
        {TRUTH(OBJECT("0", PLAIN)), GOOD_RESULT, "has the id 0", EVAL_BOXES},
        {TRUTH(OBJECT("1", ",\"area\":1")), GOOD_RESULT, "1 annotations have no \"iscrowd\"",
         EVAL_BOXES},
        {TRUTH(GOOD), RESULT("1", "9", ""), "the first is [0] (category_id 9)", EVAL_BOXES},
        {TRUTH(GOOD), "[]", "no results", EVAL_BOXES},
        {TRUTH("{\"id\":1,\"image_id\":8,\"category_id\":3,\"bbox\":[1,1,1,1]" PLAIN "}"),
         GOOD_RESULT, "1 annotations of images that the file does not list", EVAL_BOXES},
        {TRUTH("{\"id\":1,\"image_id\":1,\"category_id\":8,\"bbox\":[1,1,1,1]" PLAIN "}"),
         GOOD_RESULT, "1 annotations of categories that the file does not list", EVAL_BOXES},
        {"{\"images\":[{\"id\":1},{\"id\":1}],\"categories\":[],\"annotations\":[]}", "[]",
         "1 image entries repeat an id", EVAL_BOXES},
        {"{\"images\":[],\"categories\":[{\"id\":1},{\"id\":1}],\"annotations\":[]}", "[]",
         "1 categories repeat an id", EVAL_BOXES},
        {TRUTH("{\"id\":5,\"image_id\":1,\"category_id\":3,\"segmentation\":[[1,1]]" PLAIN "}"),
         MASK_RESULT, "the first is annotation 5", EVAL_MASKS},
        {TRUTH(GOOD), RESULT("1", "3", ",\"segmentation\":[[1,1,2,2]]"),
         "1 results have a polygon of fewer than three points", EVAL_MASKS},
        {TRUTH(GOOD), RESULT("1", "3", ",\"segmentation\":{\"size\":[1,2],\"counts\":[2]}"),
         "1 masks are not of their image's size", EVAL_MASKS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct eval_reading reading = {.type = cases[i].type};
        cr_expect_eq(read_and_run(cases[i].truth, cases[i].results, &reading).status, OK, "%s: %s",
                     cases[i].message, fail_message());
        reading.is_strict = true;
        expect_refused(cases[i].truth, cases[i].results, &reading, cases[i].message);
    }
    const struct eval_reading strict = {.is_strict = true};
    cr_expect_gt(ap(TRUTH(GOOD), GOOD_RESULT, &strict), 0.99);
}
