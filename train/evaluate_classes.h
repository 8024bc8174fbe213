// Runs a classifier on images with classes.
#ifndef TARN_TRAIN_EVALUATE_CLASSES_H
#define TARN_TRAIN_EVALUATE_CLASSES_H

#include "eval/class_results.h"
#include "train/evaluate.h"

#ifdef __cplusplus
extern "C" {
#endif

// Appends to results, to be freed with class_results_free whatever comes out. An image that cannot
// be read is warned about and counted in *n_broken.
enum status evaluate_classes(struct session *session, const struct coco_dataset *dataset,
                             const char *image_folder, const struct evaluate_options *options,
                             struct class_results *results, size_t *n_broken) MUST_USE;

// The names of the session's classes for results; channels without one are "class N".
enum status evaluate_classes_names(const struct session *session,
                                   struct class_results *results) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
