// What goes wrong, and what each kind of error costs: TIDE (Bolya, Foley, Hays, Hoffman, ECCV
// 2020).
//
// With the detections matched at IoU tf = 0.5 to objects of their category, each false positive
// gets the first kind that fits, tb being 0.1:
//   localisation    tb <= IoU <= tf with an object of its category
//   classification  IoU >= tf with an object of another category
//   duplicate       IoU >= tf with an object of its category that another detection has
//   background      IoU <= tb with every object
//   both            the rest: overlaps an object of another category too little
// and an object that nothing found, and that no error of the first two kinds could find, is missed.
//
// The gain of a kind is the rise of AP (at tf) when its errors alone are made good. Classification
// and localisation errors become right, the best one on each free object, the others vanish; other
// false positives vanish; missed objects are no longer asked for.
#ifndef TARN_EVAL_TIDE_H
#define TARN_EVAL_TIDE_H

#include "eval/assign.h"

#ifdef __cplusplus
extern "C" {
#endif

enum tide_kind {
    TIDE_CLASSIFICATION,
    TIDE_LOCALISATION,
    TIDE_BOTH,
    TIDE_DUPLICATE,
    TIDE_BACKGROUND,
    TIDE_MISSED,
    TIDE_KINDS,
    TIDE_CORRECT = TIDE_KINDS,
    TIDE_NOT_COUNTED // ignored, or beyond the limit of its image
};

enum { TIDE_LIMIT = 100 }; // detections per image over all categories
#define TIDE_FOREGROUND     0.5
#define TIDE_BACKGROUND_IOU 0.1

struct tide {
    double ap; // at IoU 0.5 under the limit; -1: no objects
    double gains[TIDE_KINDS];
    int64_t counts[TIDE_KINDS];
    double gain_false_positives; // of dropping all of them
    double gain_false_negatives; // of asking only for what was found
    int64_t n_false_positives, n_false_negatives;
    uint8_t *kinds;    // (detections of cells) enum tide_kind
    int64_t *assigned; // (detections of cells) as assign_objects has it
};

enum status tide_run(const struct eval_truth *truth, const struct cells *cells,
                     const struct overlaps *overlaps, const struct eval_params *params,
                     struct tide *tide) MUST_USE;
void tide_free(struct tide *tide);

extern const char *const tide_names[TIDE_KINDS]; // "classification", ...

#ifdef __cplusplus
}
#endif
#endif
