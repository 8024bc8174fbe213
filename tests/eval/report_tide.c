// TIDE's categories and gains, by hand.
#include <criterion/criterion.h>
#include <string.h>

#include "base/mem.h"
#include "eval/tide.h"
#include "eval/worst.h"
#include "report_set.h"

static void run(const struct report_set *set, struct tide *tide)
{
    cr_assert_eq(
        tide_run(set->truth, &set->evaluation.cells, &set->overlaps, &set->evaluation.params, tide),
        OK);
}

// In 101ths of AP, averaged over A and B. A has four objects and the detections (by score) T F F F
// F T: precision 1 at the 26 recalls up to 1/4, 1/3 at the 25 up to 1/2. B has three and F T: 1/2
// at the 34 recalls up to 1/3.
Test(report_tide, one_of_each)
{
    struct report_set set;
    struct tide tide;
    report_set_make("tide", report_truth, report_results, EVAL_BOXES, &set);
    run(&set, &tide);
    double a = 26 + 25 / 3.0, b = 34 / 2.0, base = (a + b) / 2;
    cr_expect_float_eq(tide.ap * 101, base, 1e-12);
    cr_expect_float_eq(tide.ap, set.evaluation.result.stats[1], 1e-15); // COCO's AP50
    static const int64_t counts[] = {1, 1, 1, 1, 1, 2};
    for (int i = 0; i < TIDE_KINDS; i++)
        cr_expect_eq(tide.counts[i], counts[i], "%s", tide_names[i]);
    cr_expect_eq(tide.n_false_positives, 5);
    cr_expect_eq(tide.n_false_negatives, 4);
    const double mended[TIDE_KINDS] = {
        // The fourth of A becomes the first of B: T F F F T, and T F T.
        [TIDE_CLASSIFICATION] = (26 + 25 * 2 / 5.0 + 34 + 33 * 2 / 3.0) / 2,
        // The third of A is right: T F T F F T.
        [TIDE_LOCALISATION] = (26 + 25 * 2 / 3.0 + 25 / 2.0 + b) / 2,
        [TIDE_BOTH] = (a + 34) / 2,
        [TIDE_DUPLICATE] = (26 + 25 * 2 / 5.0 + b) / 2,
        [TIDE_BACKGROUND] = (26 + 25 * 2 / 5.0 + b) / 2,
        // One object less in each category.
        [TIDE_MISSED] = (34 + 33 / 3.0 + 51 / 2.0) / 2,
    };
    for (int i = 0; i < TIDE_KINDS; i++)
        cr_expect_float_eq(tide.gains[i] * 101, mended[i] - base, 1e-12, "%s: %g", tide_names[i],
                           tide.gains[i] * 101);
    cr_expect_float_eq(tide.gain_false_positives * 101, (51 + 34) / 2.0 - base, 1e-12);
    // Two objects of A and one of B are left.
    cr_expect_float_eq(tide.gain_false_negatives * 101, (51 + 50 / 3.0 + 101 / 2.0) / 2 - base,
                       1e-12);
    tide_free(&tide);
    report_set_free(&set);
}

#define HEAD                                                                                       \
    "{\"images\":[{\"id\":1},{\"id\":2},{\"id\":3}],\"categories\":[{\"id\":1,\"name\":\"A\"},"    \
    "{\"id\":2,\"name\":\"B\"}],\"annotations\":["

static char *add(char *at, const char *end, const char *format, int i, double x, double score)
{
    int n = snprintf(at, (size_t)(end - at), format, i, x, score);
    cr_assert(n > 0 && n < end - at);
    return at + n;
}

// 120 detections in an image of two objects: one is found by the best detection, the other by the
// last, which the limit of 100 an image leaves out, so that it is missed. A detection on a crowd is
// no error.
Test(report_tide, limit_and_crowd)
{
    static char results[20000];
    char *at = results, *end = results + sizeof results;
    struct report_set set;
    struct tide tide;
    at = add(at, end, "[{\"image_id\":%d,\"category_id\":1,\"bbox\":[%g,0,9,9],\"score\":%g}", 1, 0,
             0.999);
    for (int i = 1; i < 119; i++) // categories in turn: neither reaches COCO's own limit
        at = add(at, end, ",{\"image_id\":1,\"category_id\":%d,\"bbox\":[%g,200,5,5],\"score\":%g}",
                 1 + i % 2, 10.0 * i, 0.9 - 0.001 * i);
    at = add(at, end, ",{\"image_id\":%d,\"category_id\":1,\"bbox\":[%g,0,9,9],\"score\":%g}", 1,
             100, 0.1);
    (void)add(at, end, ",{\"image_id\":%d,\"category_id\":2,\"bbox\":[%g,0,5,5],\"score\":%g}]", 2,
              20, 0.9);
    report_set_make("limit",
                    HEAD
                    "{\"id\":1,\"image_id\":1,\"category_id\":1,\"bbox\":[0,0,9,9],\"area\":81,"
                    "\"iscrowd\":0},{\"id\":2,\"image_id\":1,\"category_id\":1,\"bbox\":[100,0,"
                    "9,9],\"area\":81,\"iscrowd\":0},{\"id\":3,\"image_id\":2,\"category_id\":"
                    "2,\"bbox\":[0,0,90,90],\"area\":8100,\"iscrowd\":1}]}",
                    results, EVAL_BOXES, &set);
    run(&set, &tide);
    cr_expect_eq(tide.counts[TIDE_BACKGROUND], 99);
    cr_expect_eq(tide.counts[TIDE_MISSED], 1);
    cr_expect_eq(tide.n_false_positives, 99);
    cr_expect_eq(tide.n_false_negatives, 1);
    cr_expect_float_eq(tide.ap, 51 / 101.0, 1e-12);
    cr_expect_float_eq(tide.gain_false_negatives, 50 / 101.0, 1e-12);
    tide_free(&tide);
    report_set_free(&set);
}

// Of two badly placed detections on one object the better becomes right, the other vanishes.
Test(report_tide, one_mended_error_an_object)
{
    struct report_set set;
    struct tide tide;
    report_set_make("mended",
                    HEAD
                    "{\"id\":1,\"image_id\":1,\"category_id\":1,\"bbox\":[0,0,9,9],\"area\":81,"
                    "\"iscrowd\":0}]}",
                    "[{\"image_id\":1,\"category_id\":1,\"bbox\":[5,0,9,9],\"score\":0.4},"
                    "{\"image_id\":1,\"category_id\":1,\"bbox\":[0,5,9,9],\"score\":0.6},"
                    "{\"image_id\":1,\"category_id\":2,\"bbox\":[0,0,9,9],\"score\":0.9}]",
                    EVAL_BOXES, &set);
    run(&set, &tide);
    cr_expect_eq(tide.counts[TIDE_LOCALISATION], 2);
    cr_expect_eq(tide.counts[TIDE_CLASSIFICATION], 1);
    cr_expect_eq(tide.counts[TIDE_MISSED], 0);
    cr_expect_eq(tide.n_false_negatives, 1);
    cr_expect_float_eq(tide.ap, 0, 1e-15);
    // The detection of B is better still: it would take the object, and the others find none.
    cr_expect_float_eq(tide.gains[TIDE_LOCALISATION], 0, 1e-12);
    cr_expect_float_eq(tide.gains[TIDE_CLASSIFICATION], 1, 1e-12);
    tide_free(&tide);
    report_set_free(&set);
}

Test(report_tide, nothing)
{
    struct report_set set;
    struct tide tide;
    report_set_make("nothing", HEAD "]}", "[]", EVAL_BOXES, &set);
    run(&set, &tide);
    cr_expect_eq(tide.ap, -1);
    for (int i = 0; i < TIDE_KINDS; i++) {
        cr_expect_eq(tide.counts[i], 0);
        cr_expect_eq(tide.gains[i], 0);
    }
    tide_free(&tide);
    report_set_free(&set);
}

#define OBJECT(id, image, x)                                                                       \
    "{\"id\":" #id ",\"image_id\":" #image ",\"category_id\":1,\"bbox\":[" #x                      \
    ",0,9,9],\"area\":81,\"iscrowd\":0}"
#define FOUND(image, x, score)                                                                     \
    "{\"image_id\":" #image ",\"category_id\":1,\"bbox\":[" #x ",0,9,9],\"score\":" #score "}"

// Image 1: one found, one missed. Image 2: one missed, one false positive. Image 3: one missed and
// none found; its detection scores too little. Image 4: no errors.
Test(report_worst, order)
{
    struct report_set set;
    struct tide tide;
    struct worst_image *worst;
    size_t n;
    report_set_make(
        "worst",
        "{\"images\":[{\"id\":4},{\"id\":3},{\"id\":2},{\"id\":1}],\"categories\":[{\"id\":1,"
        "\"name\":\"A\"}],\"annotations\":[" OBJECT(1, 1, 0) "," OBJECT(2, 1, 50) "," OBJECT(
            3, 2, 0) "," OBJECT(4, 3, 0) "," OBJECT(5, 4, 0) "]}",
        "[" FOUND(1, 0, 0.9) "," FOUND(2, 50, 0.8) "," FOUND(3, 0, 0.3) "," FOUND(4, 0, 0.7) "]",
        EVAL_BOXES, &set);
    run(&set, &tide);
    cr_assert_eq(worst_choose(set.truth, &set.evaluation.cells, &set.overlaps,
                              &set.evaluation.params, &tide, 0.5, 10, &worst, &n),
                 OK);
    cr_assert_eq(n, 3);
    static const struct worst_image expected[] = {{1, 0, 1, 1}, {2, 0, 1, 0}, {0, 1, 1, 0}};
    for (size_t i = 0; i < n; i++) {
        cr_expect_eq(worst[i].image, expected[i].image);
        cr_expect_eq(worst[i].n_found, expected[i].n_found);
        cr_expect_eq(worst[i].n_missed, expected[i].n_missed);
        cr_expect_eq(worst[i].n_false, expected[i].n_false);
    }
    mem_free(worst);
    cr_assert_eq(worst_choose(set.truth, &set.evaluation.cells, &set.overlaps,
                              &set.evaluation.params, &tide, 0.5, 2, &worst, &n),
                 OK);
    cr_expect_eq(n, 2);
    mem_free(worst);
    tide_free(&tide);
    report_set_free(&set);
}
