// Files that are broken or wrong: each gets its message, none crashes.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bad_file.h"
#include "eval/evaluation.h"

static const char good_truth[] =
    "{\"images\":[{\"id\":1,\"width\":10,\"height\":10},{\"id\":2}],\n"
    "\"annotations\":[{\"id\":1,\"image_id\":1,\"category_id\":3,\"bbox\":[1,2,3,4.5],\"area\":13."
    "5,"
    "\"iscrowd\":0,\"segmentation\":{\"counts\":[1,2],\"size\":[10,10]}},\n"
    "{\"id\":2,\"image_id\":2,\"category_id\":3,\"bbox\":[0,0,3e0,4],\"area\":12}],\n"
    "\"categories\":[{\"id\":3,\"name\":\"caf\\u00e9 \\\"x\\\"\"}]}";

static const char good_results[] =
    "[{\"image_id\":1,\"category_id\":3,\"bbox\":[1,2,3,4.5],\"score\":0.75},\n"
    "{\"score\":1e-1,\"image_id\":2,\"extra\":[{\"a\":null}],\"category_id\":3,\"bbox\":[0,0,3,4]}"
    "]";

static enum status load_truth(const char *text, size_t n, struct eval_truth **truth)
{
    return load_truth_as(EVAL_BOXES, text, n, truth);
}

static struct eval_truth *fine_truth(void)
{
    return fine_truth_as(EVAL_BOXES, good_truth);
}

static void expect_truth_fails(const char *text, enum status status, const char *message)
{
    expect_truth_fails_as(EVAL_BOXES, text, status, message);
}

static enum status load_results(const struct eval_truth *truth, const char *text, size_t length,
                                struct eval_detection **detections, size_t *n)
{
    char path[PATH_BYTES];
    write_file(path, "results.json", text, length);
    enum status status = eval_results_load(path, truth, detections, n);
    unlink(path);
    return status;
}

static void expect_results_fail(const char *text, enum status status, const char *message)
{
    struct eval_truth *truth = fine_truth();
    struct eval_detection *detections = NULL;
    size_t n = 0;
    cr_expect_eq(load_results(truth, text, strlen(text), &detections, &n), status, "%s", text);
    cr_expect_null(detections);
    expect_message(".results.json: ");
    expect_message(message);
    eval_truth_destroy(truth);
}

Test(eval_bad_input, good_files_are_good)
{
    struct eval_truth *truth = fine_truth();
    struct eval_detection *detections;
    struct eval_result result;
    size_t n;
    cr_assert_eq(load_results(truth, good_results, strlen(good_results), &detections, &n), OK, "%s",
                 fail_message());
    cr_assert_eq(n, 2);
    cr_assert_eq(eval_boxes(truth, detections, n, 0, &result), OK);
    cr_expect_float_eq(result.stats[0], 1.0, 1e-12);
    cr_expect_str_eq(result.classes[0].name, "caf\u00e9 \"x\"");
    eval_result_free(&result);
    mem_free(detections);
    eval_truth_destroy(truth);
}

Test(eval_bad_input, truth_cut_at_every_byte)
{
    for (size_t n = 0; n < strlen(good_truth); n++) {
        struct eval_truth *truth = NULL;
        cr_assert_eq(load_truth(good_truth, n, &truth), ERR_PARSE, "cut at %zu", n);
        expect_message("byte ");
    }
}

Test(eval_bad_input, results_cut_at_every_byte)
{
    struct eval_truth *truth = fine_truth();
    for (size_t n = 0; n < strlen(good_results); n++) {
        struct eval_detection *detections = NULL;
        size_t count;
        cr_assert_eq(load_results(truth, good_results, n, &detections, &count), ERR_PARSE,
                     "cut at %zu", n);
        expect_message("byte ");
    }
    eval_truth_destroy(truth);
}

// Any byte may become any of these: an error or not, but never a crash.
Test(eval_bad_input, bytes_replaced)
{
    static const char bytes[] = "\"{}[],:0-\\\x01\xFFx";
    char text[sizeof good_truth];
    for (size_t i = 0; i < strlen(good_truth); i++)
        for (size_t b = 0; b < sizeof bytes - 1; b++) {
            struct eval_truth *truth = NULL;
            memcpy(text, good_truth, sizeof text);
            text[i] = bytes[b];
            if (load_truth(text, strlen(text), &truth) == OK) eval_truth_destroy(truth);
        }
}

#define TRUTH(annotation)                                                                          \
    "{\"images\":[{\"id\":1}],\"categories\":[{\"id\":1,\"name\":\"a\"}],\"annotations\":["        \
    "{\"id\":7,\"image_id\":1,\"category_id\":1,\"bbox\":[1,2,3,4],\"area\":12}," annotation "]}"

Test(eval_bad_input, truth_messages)
{
    expect_truth_fails("", ERR_PARSE, "byte 0: unexpected end of file");
    expect_truth_fails("{} x", ERR_PARSE, "byte 3: text after the end");
    expect_truth_fails("[]", ERR_DATA, "an array, expected an object");
    expect_truth_fails("{}", ERR_DATA, "no array \"images\"");
    expect_truth_fails("{\"images\":[],\"categories\":[]}", ERR_DATA, "no array \"annotations\"");
    expect_truth_fails("{\"images\":5}", ERR_DATA, "\"images\" is not an array");
    expect_truth_fails("{\"images\":[3]}", ERR_PARSE, "byte 11: expected an object");
    expect_truth_fails("{\"images\":[{\"id\":1},]}", ERR_PARSE, "expected an object");
    expect_truth_fails("{\"images\":[{\"id\":\"1\"}]}", ERR_DATA,
                       "images[0] (byte 11): id is not a whole number");
    expect_truth_fails("{\"images\":[{\"id\":1.5}]}", ERR_DATA, "id is not a whole number");
    expect_truth_fails("{\"images\":[{\"id\":99999999999999999999}]}", ERR_DATA,
                       "id is not a whole number");
    expect_truth_fails("{\"images\":[{\"x\":1}]}", ERR_DATA, "images[0] (byte 11): id is missing");
    expect_truth_fails("{\"categories\":[{\"name\":\"a\"}]}", ERR_DATA, "id is missing");
    expect_truth_fails("{\"categories\":[{\"id\":1,\"name\":1}]}", ERR_DATA,
                       "name is not a string");
    expect_truth_fails(TRUTH("{\"id\":8,\"image_id\":1,\"category_id\":1,\"bbox\":[1,2,3,4]}"),
                       ERR_DATA, "id 8): area is missing");
    expect_truth_fails(TRUTH("{\"id\":8,\"image_id\":1,\"category_id\":1,\"area\":4}"), ERR_DATA,
                       "id 8): bbox is missing");
    expect_truth_fails(TRUTH("{\"id\":8,\"bbox\":[1,2,3]}"), ERR_DATA,
                       "bbox is not an array of four numbers");
    expect_truth_fails(TRUTH("{\"id\":8,\"bbox\":[1,2,3,4,5]}"), ERR_DATA,
                       "bbox is not an array of four numbers");
    expect_truth_fails(TRUTH("{\"id\":8,\"bbox\":{}}"), ERR_DATA,
                       "bbox is not an array of four numbers");
    expect_truth_fails(TRUTH("{\"id\":8,\"bbox\":[1,2,3,null]}"), ERR_DATA, "bbox is not a number");
    expect_truth_fails(TRUTH("{\"id\":8,\"bbox\":[1,2,3,1e999]}"), ERR_DATA, "bbox is not finite");
    expect_truth_fails(TRUTH("{\"id\":8,\"area\":NaN}"), ERR_PARSE, "NaN is not JSON");
    expect_truth_fails(TRUTH("{\"id\":8,\"area\":-Infinity}"), ERR_PARSE, "byte ");
    expect_truth_fails(TRUTH("{\"id\":8,\"area\":01}"), ERR_PARSE, "a number begins with 0");
    expect_truth_fails(
        TRUTH("{\"id\":7,\"image_id\":1,\"category_id\":1,\"bbox\":[1,2,3,4],\"area\":1}"),
        ERR_DATA, "annotations[1] has the id 7 of annotations[0]");
}

#define RESULT(members) "[{\"image_id\":1,\"category_id\":3," members "}]"

Test(eval_bad_input, results_messages)
{
    expect_results_fail("", ERR_PARSE, "byte 0: unexpected end of file");
    expect_results_fail("{}", ERR_DATA, "an object, expected an array of results");
    expect_results_fail("7", ERR_PARSE, "byte 0: expected '['");
    expect_results_fail("[] 1", ERR_PARSE, "byte 3: text after the end");
    expect_results_fail("[1]", ERR_PARSE, "byte 1: expected an object");
    expect_results_fail(RESULT("\"bbox\":[1,2,3,4]"), ERR_DATA,
                        "[0] (byte 1, image_id 1): score is missing");
    expect_results_fail(RESULT("\"score\":1"), ERR_DATA, "bbox is missing");
    expect_results_fail(RESULT("\"score\":\"1\""), ERR_DATA, "score is not a number");
    expect_results_fail(RESULT("\"score\":NaN"), ERR_PARSE, "NaN is not JSON");
    expect_results_fail(RESULT("\"score\":1e400"), ERR_DATA, "score is not finite");
    expect_results_fail(RESULT("\"bbox\":[1,2,3]"), ERR_DATA, "four numbers");
    expect_results_fail("[{\"image_id\":\"1\"}]", ERR_DATA, "image_id is not a whole number");
    expect_results_fail("[{\"image_id\":5,\"category_id\":3,\"bbox\":[1,2,3,4],\"score\":1},"
                        "{\"image_id\":9,\"category_id\":3,\"bbox\":[1,2,3,4],\"score\":1},"
                        "{\"image_id\":1,\"category_id\":3,\"bbox\":[1,2,3,4],\"score\":1}]",
                        ERR_DATA, "2 of 3 results are for images that");
    expect_message(": 5, 9");
}

Test(eval_bad_input, missing_files)
{
    struct eval_truth *truth = NULL;
    struct eval_result result;
    cr_expect_eq(eval_truth_load("/no/such/file.json", &truth), ERR_IO);
    cr_expect_eq(eval_files("/no/such/a.json", "/no/such/b.json", EVAL_BOXES, 0, &result), ERR_IO);
    expect_message("/no/such/a.json");
}

// No results are zero detections; a category that the truth lacks is left out.
Test(eval_bad_input, empty_and_unknown)
{
    struct eval_truth *truth = fine_truth();
    struct eval_detection *detections,
        foreign = {.image_id = 1, .category_id = 99, .box = {0, 0, 1, 1}, .score = 0.5};
    struct eval_result result;
    size_t n;
    cr_assert_eq(load_results(truth, " [ ] ", 5, &detections, &n), OK, "%s", fail_message());
    cr_assert_eq(n, 0);
    cr_assert_eq(eval_boxes(truth, detections, n, 0, &result), OK);
    cr_expect_eq(result.stats[0], 0.0);
    eval_result_free(&result);
    cr_assert_eq(eval_boxes(truth, &foreign, 1, 0, &result), OK);
    cr_expect_eq(result.stats[0], 0.0);
    cr_expect_eq(result.classes[0].n_detections, 0);
    eval_result_free(&result);
    mem_free(detections);
    eval_truth_destroy(truth);
}

Test(eval_bad_input, detections_in_memory)
{
    struct eval_truth *truth = fine_truth();
    struct eval_result result;
    struct eval_detection d = {.image_id = 1, .category_id = 3, .box = {0, 0, 1, 1}};
    d.score = (double)NAN;
    cr_expect_eq(eval_boxes(truth, &d, 1, 0, &result), ERR_NUMERIC);
    expect_message("detection 0 (image_id 1");
    d.score = 1;
    d.box[2] = (double)INFINITY;
    cr_expect_eq(eval_boxes(truth, &d, 1, 0, &result), ERR_NUMERIC);
    d.box[2] = -4; // overlaps nothing, so a false positive
    cr_expect_eq(eval_boxes(truth, &d, 1, 0, &result), OK);
    eval_result_free(&result);
    d.image_id = 5;
    cr_expect_eq(eval_boxes(truth, &d, 1, 0, &result), ERR_DATA);
    expect_message("image 5, which");
    char path[PATH_BYTES];
    d.score = (double)NAN;
    cr_expect_eq(eval_results_save(scratch_path(path, "bad.save.json"), &d, 1), ERR_NUMERIC);
    eval_truth_destroy(truth);
}

Test(eval_bad_input, params)
{
    struct eval_truth *truth = fine_truth();
    struct evaluation run;
    struct eval_params defaults, params;
    eval_params_init(&defaults);
    params = defaults;
    params.n_thresholds = 33;
    cr_expect_eq(evaluation_run(truth, NULL, 0, &params, &run), ERR_USAGE);
    params = defaults;
    params.thresholds[2] = (double)NAN;
    cr_expect_eq(evaluation_run(truth, NULL, 0, &params, &run), ERR_USAGE);
    params = defaults;
    params.limits[1] = 1;
    cr_expect_eq(evaluation_run(truth, NULL, 0, &params, &run), ERR_USAGE);
    params = defaults;
    params.areas[1].high = -1;
    cr_expect_eq(evaluation_run(truth, NULL, 0, &params, &run), ERR_USAGE);
    eval_truth_destroy(truth);
}

Test(eval_bad_input, memory_runs_out)
{
    char truth_path[PATH_BYTES], results_path[PATH_BYTES];
    scratch_text(truth_path, "memory.truth.json", good_truth);
    scratch_text(results_path, "memory.results.json", good_results);
    cr_expect_gt(fail_each_allocation(truth_path, results_path, EVAL_BOXES), 30);
}
