// Precision at fixed recalls, from matches.
#ifndef TARN_EVAL_ACCUMULATE_H
#define TARN_EVAL_ACCUMULATE_H

#include "eval/match.h"

#ifdef __cplusplus
extern "C" {
#endif

// T thresholds, R = EVAL_RECALLS, K categories (1 when they are not used), A areas, M limits. -1
// where a category has no object in an area range.
struct eval_tensors {
    size_t n_thresholds, n_categories, n_areas, n_limits;
    double *precision; // (T, R, K, A, M) the best precision at this recall or beyond
    double *scores;    // (T, R, K, A, M) of the detection that reaches it; 0: never reached
    double *recall;    // (T, K, A, M) of all detections
};

enum status accumulate(const struct eval_truth *truth, const struct cells *cells,
                       const struct matches *matches, const struct eval_params *params,
                       struct eval_tensors *tensors) MUST_USE;
void eval_tensors_free(struct eval_tensors *tensors);

#ifdef __cplusplus
}
#endif
#endif
