// Detections of each category over all images, best first.
#ifndef TARN_EVAL_RANKING_H
#define TARN_EVAL_RANKING_H

#include "eval/match.h"

#ifdef __cplusplus
extern "C" {
#endif

// All detections by category and, within, by descending score over all images.
struct ranking {
    uint32_t *order;    // (n) indices of cells->detections
    uint32_t *rank;     // (n) by detection: its place in its own cell
    double *scores;     // (n) by detection
    size_t *begins;     // (K + 1) in order
    int64_t *n_objects; // (K, A) that are not ignored
    size_t largest;     // detections of one category
    size_t largest_objects;
};

// *ranking starts zeroed, and is freed after errors too.
enum status ranking_build(const struct eval_truth *truth, const struct cells *cells,
                          const struct eval_params *params, struct ranking *ranking) MUST_USE;
void ranking_free(struct ranking *ranking);

#ifdef __cplusplus
}
#endif
#endif
