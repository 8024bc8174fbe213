// Matching of detections with objects, for all cells, area ranges and IoU thresholds.
#ifndef TARN_EVAL_MATCH_H
#define TARN_EVAL_MATCH_H

#include "eval/cells.h"

#ifdef __cplusplus
extern "C" {
#endif

// Bit t of a mask speaks of params->thresholds[t].
struct matches {
    int n_areas;
    size_t n_detections;
    uint32_t *matched; // (n_areas, n_detections)
    uint32_t *ignored; // (n_areas, n_detections)
};

// detections: those that the cells were built from. ERR_DATA for a mask that cannot be decoded.
enum status match_cells(const struct eval_truth *truth, const struct eval_detection *detections,
                        const struct cells *cells, const struct eval_params *params,
                        struct matches *matches) MUST_USE;
void matches_free(struct matches *matches);

// Whether an object neither counts as found nor as missed in an area range.
bool match_is_ignored(const struct truth_object *object, const struct eval_area *area,
                      const struct eval_params *params);

// Intersection over union of boxes x y w h; over the detection's area alone for a crowd.
double match_box_iou(const double detection[4], const double object[4], bool is_crowd);

#ifdef __cplusplus
}
#endif
#endif
