// Losses and gradient norms of training steps. Where the device works on while the host goes ahead,
// they are read some steps later, all at once: reading each step's would make the device wait.
#ifndef TARN_TRAIN_STEP_LOG_H
#define TARN_TRAIN_STEP_LOG_H

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

// "12, 7, 3" of the images of a step; of many, the first ones.
enum { STEP_IDS_BYTES = 512 };
struct step_images {
    char text[STEP_IDS_BYTES];
    size_t used;
};
void step_images_note(struct step_images *images, const struct batch *batch);

// Adds a batch's losses, `share` of the step each; values: of its roots. ERR_NUMERIC names step,
// loss and images when one is not finite.
enum status step_result_add(struct step_result *result, const struct detector_losses *losses,
                            const float *values, int64_t iteration,
                            const struct step_images *images, double share) MUST_USE;

// For steps of at most STEP_LOG_MAX_BATCHES batches.
enum { STEP_LOG_MAX_BATCHES = 256 };
struct step_log;
enum status step_log_create(struct backend *backend, struct step_log **log) MUST_USE;
void step_log_destroy(struct step_log *log); // NULL-safe

// The next step of `n_batches`; step_log_read first where it is full.
bool step_log_is_full(const struct step_log *log, int64_t n_batches);
void step_log_begin(struct step_log *log, int64_t iteration);

// Of a batch of the step: asks for its losses.
enum status step_log_losses(struct step_log *log, const struct detector_losses *losses,
                            double share) MUST_USE;

// The end of the step. norm_squared of step_log_norm is to be filled by then or later.
float *step_log_norm(struct step_log *log);
void step_log_end(struct step_log *log, const struct step_images *images, double wait);

// Waits for the device and hands over the results of all steps since the last call, oldest first;
// *n is their number, *results the log's until the next step. ERR_NUMERIC as above, or where a
// gradient was not finite: what is trained is then of no use.
enum status step_log_read(struct step_log *log, const struct step_result **results,
                          int *n) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
