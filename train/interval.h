// Means over the steps between two lines of the log.
#ifndef TARN_TRAIN_INTERVAL_H
#define TARN_TRAIN_INTERVAL_H

#include "train/metrics.h"
#include "train/train_step.h"

#ifdef __cplusplus
extern "C" {
#endif

struct interval {
    int64_t n;
    double start; // clock_seconds; moved forward by what is not training
    double wait, loss, grad_norm, losses[DETECTOR_MAX_LOSSES];
};

void interval_start(struct interval *interval);
void interval_add(struct interval *interval, const struct step_result *result);

// The line for the steps so far; names are borrowed from the last result. n_images: of one step.
void interval_step(const struct interval *interval, int64_t iteration, double lr, int64_t n_images,
                   const struct step_result *last, struct metrics_step *step);

// "iteration 20/500  loss 1.2  ..." on stdout.
void interval_print(const struct interval *interval, const struct metrics_step *step,
                    int64_t iterations);

#ifdef __cplusplus
}
#endif
#endif
