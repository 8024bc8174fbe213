// Inside detect/: what one kind of detector provides. detector.c holds the table.
#ifndef TARN_DETECT_DETECTOR_KIND_H
#define TARN_DETECT_DETECTOR_KIND_H

#include "detect/detector.h"

#ifdef __cplusplus
extern "C" {
#endif

// First member of every kind's own struct.
struct detector {
    const struct detector_kind *kind;
    struct detector_config config;
    struct backend *backend; // borrowed
    struct params *params;   // owned
};

struct detector_kind {
    const char *name;
    size_t bytes; // of the kind's struct, zeroed by detector_create
    // Tensors whose first axis depends on n_classes, ends with NULL.
    const char *const *class_tensors;
    // Checks its part of the config and declares all parameters in detector->params.
    enum status (*build)(struct detector *detector);
    void (*free)(struct detector *detector); // of a partly built one too
    enum status (*refresh)(struct detector *detector);
    enum status (*calm)(struct detector *detector, float factor, int *n_scaled);
    enum status (*losses)(struct detector *detector, struct tape *tape, const struct batch *batch,
                          struct detector_losses *losses);
    enum status (*detect)(struct detector *detector, struct tape *tape, const struct batch *batch,
                          struct detections *out); // NULL: a classifier, which has the next one
    enum status (*classify)(struct detector *detector, struct tape *tape, const struct batch *batch,
                            float *logits);
    enum status (*forward)(struct detector *detector, struct tape *tape, struct tensor *images);
};

extern const struct detector_kind detector_retinanet, detector_faster_rcnn, detector_mask_rcnn,
    detector_classifier;

#ifdef __cplusplus
}
#endif
#endif
