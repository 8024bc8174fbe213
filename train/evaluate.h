// Runs a model over a data set and collects its detections in COCO's form.
#ifndef TARN_TRAIN_EVALUATE_H
#define TARN_TRAIN_EVALUATE_H

#include "eval/coco_eval.h"
#include "train/session.h"

#ifdef __cplusplus
extern "C" {
#endif

struct evaluate_options {
    // Called after each batch; returning true ends with ERR_INTERRUPTED. May be NULL.
    bool (*progress)(void *context, size_t done, size_t total);
    void *context;
};

// Detections in the order of images. An image that cannot be read is warned about, counted in
// n_broken, and stands as one without detections.
struct evaluate_output {
    struct eval_detection *detections; // mem_free
    size_t n, n_broken;
};
enum status evaluate_detections(struct session *session, const struct coco_dataset *dataset,
                                const char *image_folder, const struct evaluate_options *options,
                                struct evaluate_output *output) MUST_USE;

// The session's validation set, from inference to the 12 numbers.
enum status evaluate_validation(struct session *session, const struct evaluate_options *options,
                                double stats[COCO_STATS]) MUST_USE;

// Appends one image's detections; labels without a category are left out.
enum status evaluate_append(const struct session *session, const struct detections *found,
                            int image, int64_t image_id, struct eval_detection **list, size_t *n,
                            size_t *capacity) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
