// Goes over the batches of an evaluation, whatever the model is.
#ifndef TARN_TRAIN_EVALUATE_BATCHES_H
#define TARN_TRAIN_EVALUATE_BATCHES_H

#include "train/session.h"

#ifdef __cplusplus
extern "C" {
#endif

struct evaluate_options {
    // Called after each batch; returning true ends with ERR_INTERRUPTED. May be NULL.
    bool (*progress)(void *context, size_t done, size_t total);
    void *context;
    const char *confusion; // evaluate_validation of a classifier draws it there (PNG); NULL: not
};

// Hands each batch of a data set to `handle`, with the tape empty and not recording, in the order
// of its images. One that cannot be read is warned about, left out and counted in *n_broken.
enum status evaluate_batches(struct session *session, const struct coco_dataset *dataset,
                             const char *image_folder, const struct evaluate_options *options,
                             enum status (*handle)(void *job, const struct batch *batch),
                             void *job, size_t *n_broken) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
