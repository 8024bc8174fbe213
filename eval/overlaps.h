// Which objects and detections of an image overlap, whatever their categories.
#ifndef TARN_EVAL_OVERLAPS_H
#define TARN_EVAL_OVERLAPS_H

#include "eval/cells.h"

#ifdef __cplusplus
extern "C" {
#endif

struct overlap {
    uint32_t object; // index in truth->objects
    double iou;      // above 0; over the detection's area alone for a crowd
};

// Detections are those of cells, in its order, which is by image.
struct overlaps {
    size_t n_images, n_detections, n_categories;
    size_t *detection_ends; // (n_images + 1): image i has [ends[i], ends[i + 1])
    size_t *object_ends;    // (n_images + 1)
    uint32_t *categories;   // (n_detections) as cells.category
    uint32_t *order;        // (n_detections) within each image by descending score, then file order
    size_t *begins;         // (n_detections + 1) in pairs
    struct overlap *pairs;  // by detection, then object
};

// detections: those that the cells were built from. ERR_DATA for a mask that cannot be decoded.
enum status overlaps_find(const struct eval_truth *truth, const struct eval_detection *detections,
                          const struct cells *cells, const struct eval_params *params,
                          struct overlaps *overlaps) MUST_USE;
void overlaps_free(struct overlaps *overlaps);

#ifdef __cplusplus
}
#endif
#endif
