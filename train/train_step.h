// One optimiser step: train.accumulate batches forward and backward, then the update.
#ifndef TARN_TRAIN_TRAIN_STEP_H
#define TARN_TRAIN_TRAIN_STEP_H

#include "train/step_log.h"

#ifdef __cplusplus
extern "C" {
#endif

// iteration counts from 0. log: NULL, or what is to be told of the step later; *result then has
// `wait` alone. Without a log ERR_NUMERIC names the step, the loss and the image ids, and what is
// trained is as before the step.
enum status train_step(struct session *session, struct loader *loader, struct step_log *log,
                       int64_t iteration, double lr, struct step_result *result) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
