// The images with the most errors.
#ifndef TARN_EVAL_WORST_H
#define TARN_EVAL_WORST_H

#include "eval/tide.h"

#ifdef __cplusplus
extern "C" {
#endif

// Of detections that score at least the given score, at IoU 0.5, as tide matched them.
struct worst_image {
    size_t image; // index
    int64_t n_found, n_missed, n_false;
};

// The `limit` images with the most errors (missed objects and false positives together); of equally
// many first those where fewer objects were found, then lower ids. Images without errors are left
// out. *worst: mem_alloc.
enum status worst_choose(const struct eval_truth *truth, const struct cells *cells,
                         const struct overlaps *overlaps, const struct eval_params *params,
                         const struct tide *tide, double score, size_t limit,
                         struct worst_image **worst, size_t *n) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
