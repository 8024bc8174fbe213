// One optimiser step: train.accumulate batches forward and backward, then the update.
#ifndef TARN_TRAIN_TRAIN_STEP_H
#define TARN_TRAIN_TRAIN_STEP_H

#include "train/session.h"

#ifdef __cplusplus
extern "C" {
#endif

struct step_result {
    int n_losses;
    const char *names[DETECTOR_MAX_LOSSES]; // static texts of the detector
    double losses[DETECTOR_MAX_LOSSES];     // means over the batches
    double loss;                            // their sum
    double grad_norm;                       // before clipping
    double wait;                            // seconds without a batch
};

// iteration counts from 0. ERR_NUMERIC names the step, the loss and the image ids; what is
// trained is then as before the step.
enum status train_step(struct session *session, struct loader *loader, int64_t iteration, double lr,
                       struct step_result *result) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
