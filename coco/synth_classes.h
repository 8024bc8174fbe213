// Synthetic images for classifiers: private to coco/synth*.c.
#ifndef TARN_COCO_SYNTH_CLASSES_H
#define TARN_COCO_SYNTH_CLASSES_H

#include "base/file.h"
#include "coco/synth.h"

#ifdef __cplusplus
extern "C" {
#endif

// OUTPUT/train/CLASS/000001.jpg, or val/ from config->n_images - config->n_val on.
enum status synth_class_path(const struct synth_config *config, int index,
                             char path[PATH_BYTES]) MUST_USE;

// All images; that of index 0 comes last: where it is, all are.
enum status synth_classes_write(const struct synth_config *config) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
