// Runs a model over a data set and collects its detections in COCO's form.
#ifndef TARN_TRAIN_EVALUATE_H
#define TARN_TRAIN_EVALUATE_H

#include "eval/coco_eval.h"
#include "train/session.h"

#ifdef __cplusplus
extern "C" {
#endif

struct evaluate_options {
    bool skip_broken; // a broken image is reported and counts as one without detections
    // Called after each batch; returning true ends with ERR_INTERRUPTED. May be NULL.
    bool (*progress)(void *context, size_t done, size_t total);
    void *context;
};

// Detections in the order of images. Free with mem_free.
enum status evaluate_detections(struct session *session, const struct coco_dataset *dataset,
                                const char *image_folder, const struct evaluate_options *options,
                                struct eval_detection **detections, size_t *n) MUST_USE;

// Appends one image's detections; labels without a category are left out.
enum status evaluate_append(const struct session *session, const struct detections *found,
                            int image, int64_t image_id, struct eval_detection **list, size_t *n,
                            size_t *capacity) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
