// The images with classes that a config names.
#ifndef TARN_TRAIN_CLASS_SOURCE_H
#define TARN_TRAIN_CLASS_SOURCE_H

#include "train/classes.h"
#include "train/config.h"

#ifdef __cplusplus
extern "C" {
#endif

// The training images of a classifier, or those of validation, whose classes must be among
// `classes` (NULL: the set's own).
enum status class_source_load(const struct config *config, bool is_training,
                              const struct classes *classes,
                              struct coco_dataset **dataset) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
