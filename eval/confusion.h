// Which categories are taken for which: counts of (true category, predicted category).
#ifndef TARN_EVAL_CONFUSION_H
#define TARN_EVAL_CONFUSION_H

#include "eval/assign.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CONFUSION_BACKGROUND UINT32_MAX

struct confusion_entry {
    uint32_t truth, predicted; // categories, or CONFUSION_BACKGROUND: nothing was there, or found
    int64_t count;
};

// Only what occurs, by truth, then predicted; background last. Detections that score at least
// `score` are matched with objects of any category: by descending score, each takes the free object
// with the highest IoU of at least `iou`. Detections on crowds and ignored objects are left out.
struct confusion {
    double iou, score;
    struct confusion_entry *entries;
    size_t n;
};

enum status confusion_make(const struct eval_truth *truth, const struct cells *cells,
                           const struct overlaps *overlaps, const struct eval_params *params,
                           double iou, double score, struct confusion *confusion) MUST_USE;
void confusion_free(struct confusion *confusion);

#ifdef __cplusplus
}
#endif
#endif
