// Curves of raw counts, by hand.
#include <criterion/criterion.h>

#include "base/mem.h"
#include "eval/curves.h"
#include "report_set.h"

static void make(const struct report_set *set, size_t category, int threshold,
                 struct score_curve *curve)
{
    cr_assert_eq(score_curve_make(set->truth, &set->evaluation.cells, &set->evaluation.matches,
                                  &set->evaluation.params, category, threshold, curve),
                 OK);
}

Test(report_curves, all_categories)
{
    struct report_set set;
    struct score_curve curve;
    report_set_make("curves", report_truth, report_results, EVAL_BOXES, &set);
    make(&set, CURVE_ALL, 0, &curve);
    static const int64_t hits[] = {1, 1, 1, 1, 1, 1, 2, 3}, wrong[] = {0, 1, 2, 3, 4, 5, 5, 5};
    cr_assert_eq(curve.n, 8);
    cr_expect_eq(curve.n_objects, 7);
    for (size_t i = 0; i < curve.n; i++) {
        cr_expect_float_eq(curve.points[i].score, 0.9 - 0.1 * (double)i, 1e-12);
        cr_expect_eq(curve.points[i].n_hits, hits[i]);
        cr_expect_eq(curve.points[i].n_false, wrong[i]);
    }
    cr_expect_eq(curve.best, 7);
    cr_expect_float_eq(curve_f1(&curve, 7), 2.0 * 3 / (8 + 7), 1e-15);
    cr_expect_float_eq(curve_f1(&curve, 0), 2.0 / (1 + 7), 1e-15);
    cr_expect_float_eq(curve_precision(&curve, 6), 2.0 / 7, 1e-15);
    cr_expect_float_eq(curve_recall(&curve, 6), 2.0 / 7, 1e-15);
    score_curve_free(&curve);
    // At 0.75 as at 0.5; B alone: 0.5 is false, 0.2 is right, of three objects.
    make(&set, 1, 5, &curve);
    cr_assert_eq(curve.n, 2);
    cr_expect_eq(curve.n_objects, 3);
    cr_expect_eq(curve.points[0].n_false, 1);
    cr_expect_eq(curve.points[1].n_hits, 1);
    cr_expect_float_eq(curve_f1(&curve, curve.best), 2.0 / 5, 1e-15);
    score_curve_free(&curve);
    report_set_free(&set);
}

#define HEAD                                                                                       \
    "{\"images\":[{\"id\":1,\"height\":90,\"width\":90}],\"categories\":[{\"id\":3,\"name\":"      \
    "\"A\"},{\"id\":4,\"name\":\"B\"}],\"annotations\":["

// Two detections of one score are one point; one on a crowd is none.
Test(report_curves, ties_and_crowds)
{
    struct report_set set;
    struct score_curve curve;
    report_set_make(
        "ties",
        HEAD "{\"id\":1,\"image_id\":1,\"category_id\":3,\"bbox\":[0,0,9,9],\"area\":81,"
             "\"iscrowd\":0},{\"id\":2,\"image_id\":1,\"category_id\":3,\"bbox\":[20,20,60,60],"
             "\"area\":3600,\"iscrowd\":1}]}",
        "[{\"image_id\":1,\"category_id\":3,\"bbox\":[0,0,9,9],\"score\":0.5},"
        "{\"image_id\":1,\"category_id\":3,\"bbox\":[0,50,9,9],\"score\":0.5},"
        "{\"image_id\":1,\"category_id\":3,\"bbox\":[30,30,9,9],\"score\":0.9}]",
        EVAL_BOXES, &set);
    make(&set, CURVE_ALL, 0, &curve);
    cr_assert_eq(curve.n, 1);
    cr_expect_eq(curve.points[0].n_hits, 1);
    cr_expect_eq(curve.points[0].n_false, 1);
    cr_expect_eq(curve.n_objects, 1);
    score_curve_free(&curve);
    make(&set, 1, 0, &curve); // no detection and no object
    cr_expect_eq(curve.n, 0);
    cr_expect_eq(curve.n_objects, 0);
    score_curve_free(&curve);
    report_set_free(&set);
}

Test(report_curves, thinning)
{
    enum { N = 1000, BINS = 10 };
    struct score_curve curve = {.n = N, .n_objects = N, .best = 437};
    curve.points = mem_alloc(N, sizeof *curve.points);
    for (size_t i = 0; i < N; i++)
        curve.points[i] = (struct curve_point){1 - (double)i / N, (int64_t)i, 1};
    size_t chosen[BINS + 2], n = score_curve_thin(&curve, 0, 1, BINS, chosen);
    cr_assert_leq(n, BINS + 2);
    cr_expect_geq(n, BINS);
    cr_expect_eq(chosen[0], 0);
    cr_expect_eq(chosen[n - 1], N - 1);
    bool has_best = false;
    for (size_t i = 0; i < n; i++) has_best = has_best || chosen[i] == 437;
    cr_expect(has_best);
    cr_expect_eq(score_curve_thin(&curve, 0.5, 0.5, BINS, chosen),
                 3); // no range: first, best, last
    score_curve_free(&curve);
}
