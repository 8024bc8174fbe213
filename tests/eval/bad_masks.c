// Masks that are broken or odd: each gets its message, none crashes.
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bad_file.h"

// 4 x 5 pixels; "52=" is 5 of background, 2 of foreground, 13 of background.
#define IMAGES     "{\"images\":[{\"id\":1,\"height\":4,\"width\":5},{\"id\":2}],"
#define CATEGORIES "\"categories\":[{\"id\":3,\"name\":\"a\"}],"
#define OBJECT(id, image, segmentation)                                                            \
    "{\"id\":" id ",\"image_id\":" image ",\"category_id\":3,\"area\":2,\"iscrowd\":0,"            \
    "\"segmentation\":" segmentation "}"
#define TRUTH(annotations) IMAGES CATEGORIES "\"annotations\":[" annotations "]}"
#define GOOD_MASK          "{\"counts\":\"52=\",\"size\":[4,5]}"
#define RESULT(segmentation)                                                                       \
    "[{\"image_id\":1,\"category_id\":3,\"score\":0.5,\"segmentation\":" GOOD_MASK "},\n"          \
    "{\"image_id\":1,\"category_id\":3,\"score\":0.25,\"segmentation\":" segmentation "}]"

static const char good_truth[] = TRUTH(OBJECT("1", "1", GOOD_MASK));
static const char good_results[] = RESULT("{\"size\":[4,5],\"counts\":[5,2,13]}");

static enum status load_truth(const char *text, size_t n, struct eval_truth **truth)
{
    return load_truth_as(EVAL_MASKS, text, n, truth);
}

static struct eval_truth *fine_truth(const char *text)
{
    return fine_truth_as(EVAL_MASKS, text);
}

static void expect_truth_fails(const char *text, enum status status, const char *message)
{
    expect_truth_fails_as(EVAL_MASKS, text, status, message);
}

static enum status load_results(const struct eval_truth *truth, const char *text, size_t n,
                                struct eval_results *results)
{
    char path[PATH_BYTES];
    enum status status =
        eval_results_open(write_file(path, "results.json", text, n), truth, EVAL_MASKS, results);
    unlink(path);
    return status;
}

static void expect_results_fail(const char *text, enum status status, const char *message)
{
    struct eval_truth *truth = fine_truth(good_truth);
    struct eval_results results;
    cr_expect_eq(load_results(truth, text, strlen(text), &results), status, "%s", text);
    expect_message(".results.json: ");
    expect_message(message);
    eval_truth_destroy(truth);
}

static double ap50(const char *truth_text, const char *results_text)
{
    struct eval_truth *truth = fine_truth(truth_text);
    struct eval_results results;
    struct eval_result result;
    cr_assert_eq(load_results(truth, results_text, strlen(results_text), &results), OK, "%s: %s",
                 results_text, fail_message());
    cr_assert_eq(eval_masks(truth, results.detections, results.n, 2, &result), OK, "%s",
                 fail_message());
    double value = result.stats[1];
    eval_result_free(&result);
    eval_results_close(&results);
    eval_truth_destroy(truth);
    return value;
}

// The same mask in every way that it can be written.
Test(eval_bad_masks, kinds_of_masks)
{
    static const char *const same[] = {
        GOOD_MASK,
        "{\"size\":[4,5],\"counts\":[5,2,13]}",
        "{\"size\":[4,5],\"counts\":\"5\\u0032=\"}",
        "{\"size\":[4.0,5],\"counts\":[5,2,13.0],\"x\":{\"counts\":1}}",
        "[[1,1,2,1,2,3,1,3]]",
        "[[],[1,1,2,1,2,3,1,3],[3,3,4,4],[2,2]]",
        "[[1,1,2,1,2,3,1,3,7]]",
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        char truth[512], results[512];
        snprintf(truth, sizeof truth, TRUTH(OBJECT("1", "1", "%s")), same[i]);
        snprintf(results, sizeof results,
                 "[{\"image_id\":1,\"category_id\":3,\"score\":1,\"segmentation\":%s}]", same[i]);
        cr_expect_gt(ap50(truth, good_results), 0.99, "%s", same[i]);
        cr_expect_gt(ap50(good_truth, results), 0.99, "%s", same[i]);
    }
}

// Read, with a warning: masks that match nothing.
Test(eval_bad_masks, empty_and_foreign)
{
    static const char *const odd[] = {"[]",
                                      "[[]]",
                                      "[[1,1]]",
                                      "[[1,1,2,3]]",
                                      "[[1,1,2,3,4]]",
                                      "{\"size\":[5,4],\"counts\":[5,2,13]}",
                                      "{\"size\":[0,0],\"counts\":\"\"}",
                                      "{\"size\":[4,5],\"counts\":[20]}"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        char truth[512], results[512];
        snprintf(truth, sizeof truth, TRUTH(OBJECT("1", "1", "%s")), odd[i]);
        snprintf(results, sizeof results,
                 "[{\"image_id\":1,\"category_id\":3,\"score\":1,\"segmentation\":%s}]", odd[i]);
        cr_expect_eq(ap50(truth, good_results), 0, "%s", odd[i]);
        cr_expect_eq(ap50(good_truth, results), 0, "%s", odd[i]);
    }
}

Test(eval_bad_masks, truth_messages)
{
    expect_truth_fails(IMAGES CATEGORIES
                       "\"annotations\":[{\"id\":1,\"image_id\":1,\"category_id\":"
                       "3,\"area\":2,\"bbox\":[1,1,1,2]}]}",
                       ERR_DATA, "id 1): segmentation is missing");
    expect_truth_fails(TRUTH(OBJECT("7", "2", "[[1,1,2,1,2,3]]")), ERR_DATA,
                       "annotation 7 (segmentation at byte ");
    expect_message("the image's height and width are not given");
    expect_truth_fails(TRUTH(OBJECT("7", "1", "null")), ERR_DATA,
                       "segmentation is neither an object nor an array");
    expect_truth_fails(TRUTH(OBJECT("7", "1", "[1,2,3]")), ERR_DATA, "ring 0 is not an array");
    expect_truth_fails(TRUTH(OBJECT("7", "1", "[[1,2,\"3\",4,5,6]]")), ERR_DATA,
                       "ring 0: value 2 is not a number");
    expect_truth_fails(TRUTH(OBJECT("7", "1", "[[1,2,1e99,4,5,6]]")), ERR_DATA,
                       "point 1 of a polygon is at 1e+99");
    expect_truth_fails(TRUTH(OBJECT("7", "1", "[[1,2,NaN,4,5,6]]")), ERR_PARSE, "NaN is not JSON");
    expect_truth_fails(TRUTH(OBJECT("1", "1", GOOD_MASK) "," OBJECT("2", "1",
                                                                    "{\"size\":[4,5],"
                                                                    "\"counts\":[5,2,12]}")),
                       ERR_DATA, "annotation 2 (segmentation");
    expect_message("the runs have 19 pixels, the image 20");
}

Test(eval_bad_masks, results_messages)
{
    expect_results_fail(RESULT("7"), ERR_DATA, "[1] (byte ");
    expect_message("neither an object nor an array");
    expect_results_fail(RESULT("{}"), ERR_DATA, "segmentation has no size");
    expect_results_fail(RESULT("{\"size\":[4,5]}"), ERR_DATA, "segmentation has no counts");
    expect_results_fail(RESULT("{\"size\":[4],\"counts\":\"\"}"), ERR_PARSE, "expected ','");
    expect_results_fail(RESULT("{\"size\":[4,5,1],\"counts\":\"\"}"), ERR_PARSE, "expected ']'");
    expect_results_fail(RESULT("{\"size\":\"4x5\",\"counts\":\"\"}"), ERR_DATA,
                        "size is not an array");
    expect_results_fail(RESULT("{\"size\":[-4,5],\"counts\":\"\"}"), ERR_DATA,
                        "size is negative or too large");
    expect_results_fail(RESULT("{\"size\":[100000,100000],\"counts\":\"0\"}"), ERR_DATA,
                        "size is negative or too large");
    expect_results_fail(RESULT("{\"size\":[4,5],\"counts\":7}"), ERR_DATA,
                        "counts is neither a string nor an array");
    expect_results_fail(RESULT("{\"size\":[4,5],\"counts\":\"b'52='\"}"), ERR_DATA,
                        "[1] (image_id 1): segmentation at byte ");
    expect_message("the byte 39, which is no part of a count (Python bytes");
    expect_results_fail(RESULT("{\"size\":[4,5],\"counts\":\"52\"}"), ERR_DATA,
                        "leave 13 pixels of the image over");
    expect_results_fail(RESULT("{\"size\":[4,5],\"counts\":\"5\\n=\"}"), ERR_DATA, "the byte 1,");
    expect_results_fail(RESULT("{\"size\":[4,5],\"counts\":[5,-2,17]}"), ERR_DATA,
                        "run 1 is not a length");
    expect_results_fail(RESULT("{\"size\":[4,5],\"counts\":[5,2.5,13]}"), ERR_DATA,
                        "run 1 is not a length");
    expect_results_fail("[{\"image_id\":1,\"category_id\":3,\"score\":1}]", ERR_DATA,
                        "bbox is missing");
}

Test(eval_bad_masks, cut_at_every_byte)
{
    struct eval_truth *truth = fine_truth(good_truth), *cut = NULL;
    for (size_t n = 0; n < strlen(good_truth); n++)
        cr_assert_eq(load_truth(good_truth, n, &cut), ERR_PARSE, "cut at %zu", n);
    for (size_t n = 0; n < strlen(good_results); n++) {
        struct eval_results results;
        cr_assert_eq(load_results(truth, good_results, n, &results), ERR_PARSE, "cut at %zu", n);
    }
    eval_truth_destroy(truth);
}

Test(eval_bad_masks, bytes_replaced)
{
    static const char bytes[] = "\"{}[],:09-\\o";
    struct eval_truth *truth = fine_truth(good_truth);
    char text[sizeof good_results];
    for (size_t i = 0; i < strlen(good_results); i++)
        for (size_t b = 0; b < sizeof bytes - 1; b++) {
            struct eval_results results;
            struct eval_result result;
            memcpy(text, good_results, sizeof text);
            text[i] = bytes[b];
            if (load_results(truth, text, strlen(text), &results) != OK) continue;
            if (eval_masks(truth, results.detections, results.n, 1, &result) == OK)
                eval_result_free(&result);
            eval_results_close(&results);
        }
    eval_truth_destroy(truth);
}

// Masks from memory, as training gives them, are checked where they are used.
Test(eval_bad_masks, from_memory)
{
    struct eval_truth *truth = fine_truth(good_truth);
    struct eval_result result;
    struct eval_detection d = {.image_id = 1,
                               .category_id = 3,
                               .score = 0.5,
                               .mask = {"52=", 3, 4, 5, MASK_TEXT},
                               .lacks_box = true};
    cr_assert_eq(eval_masks(truth, &d, 1, 2, &result), OK, "%s", fail_message());
    cr_expect_gt(result.stats[0], 0.99);
    eval_result_free(&result);
    d.mask.n_bytes = 2;
    cr_expect_eq(eval_masks(truth, &d, 1, 2, &result), ERR_DATA);
    expect_message("detection 0: ");
    cr_expect_eq(eval_boxes(truth, &d, 1, 2, &result), ERR_USAGE);
    expect_message("was read without its boxes");
    eval_truth_destroy(truth);
}

Test(eval_bad_masks, memory_runs_out)
{
    char truth_path[PATH_BYTES], results_path[PATH_BYTES];
    scratch_text(truth_path, "mask_memory.truth.json",
                 TRUTH(OBJECT("1", "1", "[[1,1,2,1,2,3,1,3],[1,1,3,1,3,3]]")));
    scratch_text(results_path, "mask_memory.results.json", good_results);
    cr_expect_gt(fail_each_allocation(truth_path, results_path, EVAL_MASKS), 40);
}
