// One matching of whole images at one IoU threshold, which remembers who took what.
#ifndef TARN_EVAL_ASSIGN_H
#define TARN_EVAL_ASSIGN_H

#include "eval/overlaps.h"

#ifdef __cplusplus
extern "C" {
#endif

// What stands in place of an object's index.
enum {
    ASSIGN_NONE = -1,    // no object: a false positive
    ASSIGN_IGNORED = -2, // on a crowd or an ignored object: neither right nor wrong
    ASSIGN_LEFT_OUT = -3 // below the score, or beyond the limit of its image
};

struct assign_rule {
    double iou;         // at least
    double score;       // at least
    size_t limit;       // detections per image over all categories, the best ones
    bool same_category; // detections take objects of their own category only
};

// assigned: (n_detections). By descending score (ties in file order) each detection takes the free
// object with the highest IoU; of equal ones that of its own category, then the last. A detection
// that finds none is ignored when it reaches the IoU with a crowd (over its own area) or an object
// that is to be ignored.
enum status assign_objects(const struct eval_truth *truth, const struct cells *cells,
                           const struct overlaps *overlaps, const struct eval_params *params,
                           const struct assign_rule *rule, int64_t *assigned) MUST_USE;

// The category of an object as detections have it: 0 when categories are not used.
uint32_t assign_category(const struct truth_object *object, const struct eval_params *params);

// Whether an object does not count, whatever its area.
bool assign_is_ignored(const struct truth_object *object, const struct eval_params *params);

#ifdef __cplusplus
}
#endif
#endif
