// The masks of detections: checked and measured once, before anything is compared.
#ifndef TARN_EVAL_DETECTIONS_H
#define TARN_EVAL_DETECTIONS_H

#include "coco/mask.h"
#include "eval/truth.h"

#ifdef __cplusplus
extern "C" {
#endif

// Fills area and, where it is lacking, box of every detection that has a mask. Detections of
// unknown images are left alone. A mask that cannot be decoded is ERR_DATA, naming path and byte.
enum status detections_measure(const char *path, const struct eval_truth *truth,
                               const struct eval_reading *reading,
                               struct eval_results *results) MUST_USE;

// The mask of a detection; its box as a rectangle when it has none.
enum status detection_mask(const struct eval_detection *detection, const struct truth_image *image,
                           struct mask_scratch *scratch, struct rle *rle) MUST_USE;

// What decides between small, medium and large: detection->area when it is filled in, else the
// pixels of the mask, else the box.
enum status detection_area(const struct eval_detection *detection, enum eval_type type,
                           const struct truth_image *image, struct mask_scratch *scratch,
                           double *area) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
