// AP at one threshold of detections whose category or rightness was changed. Used by eval/tide.c.
#ifndef TARN_EVAL_TIDE_AP_H
#define TARN_EVAL_TIDE_AP_H

#include "eval/overlaps.h"

#ifdef __cplusplus
extern "C" {
#endif

struct tide_outcome {
    uint32_t category;
    bool is_kept, is_hit;
};

struct tide_ap {
    const struct eval_params *params;
    size_t n_detections, n_categories;
    uint32_t *order;               // (n_detections) by descending score, then image and rank
    int64_t *n_objects;            // (n_categories) that count
    struct tide_outcome *outcomes; // (n_detections) for the caller to fill
    size_t *ends;                  // (n_categories + 1) in hits
    bool *hits;                    // (n_detections) by category, in order
    double *precision;             // (n_detections)
};

enum status tide_ap_create(const struct eval_truth *truth, const struct cells *cells,
                           const struct overlaps *overlaps, const struct eval_params *params,
                           struct tide_ap *ap) MUST_USE;
void tide_ap_free(struct tide_ap *ap);

// Mean over the categories that have objects, of COCO's AP at 101 recalls; -1: there are none.
// n_less (may be NULL): that many objects of each category are not asked for. A category that then
// has no object is left out, or has AP 0 when detections claim it.
double tide_ap_mean(struct tide_ap *ap, const int64_t *n_less);

#ifdef __cplusplus
}
#endif
#endif
