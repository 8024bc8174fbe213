// Precision, recall and F1 as functions of the score threshold, from plain counts: the tensors of
// eval/accumulate.h are made monotone and so overstate the precision at an operating point.
#ifndef TARN_EVAL_CURVES_H
#define TARN_EVAL_CURVES_H

#include "eval/match.h"

#ifdef __cplusplus
extern "C" {
#endif

// Of all detections that score at least `score`. Ignored ones count as neither.
struct curve_point {
    double score;
    int64_t n_hits, n_false;
};

struct score_curve {
    struct curve_point *points; // descending score, each score once
    size_t n;
    int64_t n_objects; // that count
    size_t best;       // the point of the highest F1, of equal ones that of the highest score
};

#define CURVE_ALL ((size_t)-1) // counts summed over all categories

// In the first area range, at params->thresholds[threshold].
enum status score_curve_make(const struct eval_truth *truth, const struct cells *cells,
                             const struct matches *matches, const struct eval_params *params,
                             size_t category, int threshold, struct score_curve *curve) MUST_USE;
void score_curve_free(struct score_curve *curve);

// 0 where nothing is there to divide by.
double curve_precision(const struct score_curve *curve, size_t i);
double curve_recall(const struct score_curve *curve, size_t i);
double curve_f1(const struct score_curve *curve, size_t i); // 2 hits / (hits + false + objects)

// Indices of at most n_bins + 2 points for drawing over [low, high] of the score, ascending: the
// first of all, the lowest score of each of n_bins equal bins, the best one. chosen: (n_bins + 2).
size_t score_curve_thin(const struct score_curve *curve, double low, double high, size_t n_bins,
                        size_t *chosen);

#ifdef __cplusplus
}
#endif
#endif
