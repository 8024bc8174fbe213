// A detector: parameters, training losses and detections. One entry per kind in detect/detector.c.
#ifndef TARN_DETECT_DETECTOR_H
#define TARN_DETECT_DETECTOR_H

#include "backbone/resnet.h"
#include "coco/loader.h"
#include "nn/ops.h"
#include "nn/params.h"

#ifdef __cplusplus
extern "C" {
#endif

enum detector_type { DETECTOR_RETINANET };

struct detector_config {
    enum detector_type type;
    struct resnet_config backbone;
    int n_classes; // K of the head, index 0 included as in torchvision
    uint64_t seed; // initialisation
    struct {
        double prior;             // 0.01
        double focal_alpha, focal_gamma; // 0.25, 2
        double box_beta;          // 0: L1
        double match_high, match_low; // 0.5, 0.4
        double score_threshold, nms_threshold; // 0.05, 0.5
        int top_k, max_detections; // 1000 a level, 300 an image
        bool p6_from_c5;          // false: from P5
    } retinanet;
};

enum { DETECTOR_MAX_LOSSES = 8 };
struct detector_losses {
    int n;
    const char *names[DETECTOR_MAX_LOSSES]; // "classification", "bbox_regression"
    // Scalar tensors to differentiate; roots of one name are summed for the log.
    int n_roots;
    struct tensor *roots[32];
    int root_loss[32]; // index into names
};

// Detections of one batch in host memory, original image coordinates.
struct detections {
    int n;            // images
    int capacity;     // slots an image
    int *counts;      // (n)
    float *boxes;     // (n, capacity, 4) x1 y1 x2 y2
    float *scores;    // (n, capacity) descending
    int32_t *labels;  // (n, capacity)
    // Mask R-CNN only, else NULL: probabilities inside the box, for detect/paste_mask.h.
    int mask_side;   // 28
    float *masks;    // (n, capacity, mask_side, mask_side)
};

struct detector;
// Declares and initialises all parameters (laid out in its own struct params).
enum status detector_create(const struct detector_config *config, struct backend *backend,
                            struct detector **detector) MUST_USE;
void detector_destroy(struct detector *detector);
struct params *detector_params(struct detector *detector);
const struct detector_config *detector_get_config(const struct detector *detector);

// After parameters were loaded or changed other than by the optimiser: recomputes what is derived
// from frozen ones (scale and bias of frozen batch norms).
enum status detector_refresh(struct detector *detector) MUST_USE;

// Forward in training mode; the caller differentiates losses->roots.
enum status detector_losses(struct detector *detector, struct tape *tape,
                            const struct batch *batch, struct detector_losses *losses) MUST_USE;

// Forward in inference mode (tape not recording).
enum status detector_detect(struct detector *detector, struct tape *tape,
                            const struct batch *batch, struct detections *out) MUST_USE;
void detections_free(struct detections *detections);

// The forward pass alone on a (N,H,W,3) tensor: for `tarn info` (dry tape) and `tarn bench`.
enum status detector_forward(struct detector *detector, struct tape *tape,
                             struct tensor *images) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
