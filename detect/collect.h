// Detections from the device into host memory.
#ifndef TARN_DETECT_COLLECT_H
#define TARN_DETECT_COLLECT_H

#include "detect/detector.h"

#ifdef __cplusplus
extern "C" {
#endif

// Allocates detections for n images; with mask_side > 0 their masks too.
enum status detections_create(int n, int capacity, int mask_side,
                              struct detections *detections) MUST_USE;

// Candidates boxes (N,S,4), scores (N,S), labels (N,S) i32, and what nms kept of them: keep
// (N,capacity) i32, n_keep (N) i32. Boxes are scaled back to the stored images.
struct found {
    struct tensor *boxes, *scores, *labels, *keep, *n_keep;
    struct tensor *masks; // NULL, or (N*capacity,side,side), image by image without gaps
};
enum status collect_detections(struct backend *backend, const struct batch *batch,
                               const struct found *found, struct detections *out) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
