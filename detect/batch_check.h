// Refuses ground truth that would poison a training step.
#ifndef TARN_DETECT_BATCH_CHECK_H
#define TARN_DETECT_BATCH_CHECK_H

#include "coco/loader.h"

#ifdef __cplusplus
extern "C" {
#endif

// ERR_DATA names the image: a label outside first_label..n_classes-1, a box without area or not
// finite, a count beyond the batch's capacity.
enum status batch_check(const struct batch *batch, int first_label,
                        int n_classes) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
