// TIDE on the official 100 images.
#include <criterion/criterion.h>

#include "../scratch.h"
#include "eval/evaluation.h"
#include "eval/tide.h"

#define FOLDER TARN_SHARED_DATA "/evaluator/"

// Of tidecv 1.0.1, told to do three things as COCO does: the mean is over the classes that have
// objects (it counts the others with AP 0), recalls are numpy's linspace(0, 1, 101) (its own differ
// in last bits), equal scores stay in the order of images (it puts errors first).
struct expected {
    double ap, gains[TIDE_KINDS], gain_false_positives, gain_false_negatives; // percent
    int64_t counts[TIDE_KINDS];
};

static void check(const char *results_path, enum eval_type type, const struct expected *expected)
{
    struct eval_truth *truth;
    struct eval_results results;
    struct eval_params params;
    struct evaluation evaluation;
    struct overlaps overlaps;
    struct tide tide;
    if (!file_exists(FOLDER "instances_val2014_100.json")) cr_skip_test("no shared data");
    eval_params_init(&params);
    params.type = type;
    cr_assert_eq(eval_truth_open(FOLDER "instances_val2014_100.json", type, &truth), OK);
    cr_assert_eq(eval_results_open(results_path, truth, type, &results), OK);
    cr_assert_eq(evaluation_run(truth, results.detections, results.n, &params, &evaluation), OK);
    cr_assert_eq(overlaps_find(truth, results.detections, &evaluation.cells, &params, &overlaps),
                 OK);
    cr_assert_eq(tide_run(truth, &evaluation.cells, &overlaps, &params, &tide), OK);
    cr_expect_float_eq(tide.ap, evaluation.result.stats[1], 1e-14);
    cr_expect_float_eq(tide.ap * 100, expected->ap, 1e-6);
    for (int i = 0; i < TIDE_KINDS; i++) {
        cr_expect_eq(tide.counts[i], expected->counts[i], "%s", tide_names[i]);
        cr_expect_float_eq(tide.gains[i] * 100, expected->gains[i], 1e-6, "%s", tide_names[i]);
    }
    cr_expect_float_eq(tide.gain_false_positives * 100, expected->gain_false_positives, 1e-6);
    cr_expect_float_eq(tide.gain_false_negatives * 100, expected->gain_false_negatives, 1e-6);
    tide_free(&tide);
    overlaps_free(&overlaps);
    evaluation_free(&evaluation);
    eval_results_close(&results);
    eval_truth_destroy(truth);
}

Test(report_official, boxes)
{
    static const struct expected expected = {69.697272,
                                             {16.757478, 0.249882, 0, 0.020599, 0, 9.358098},
                                             7.403152,
                                             19.316553,
                                             {83, 1, 0, 1, 0, 97}};
    check(FOLDER "instances_val2014_fakebbox100_results.json", EVAL_BOXES, &expected);
}

Test(report_official, masks)
{
    static const struct expected expected = {
        56.228840,
        {13.707216, 12.596111, 0.350711, 0, 0.296616, 8.527708},
        9.400580,
        25.896382,
        {76, 82, 7, 0, 4, 109}};
    check(FOLDER "instances_val2014_fakesegm100_results.json", EVAL_MASKS, &expected);
}
