// A line of progress while a command runs a model over images, and then how fast it was.
#ifndef TARN_CLI_EVAL_PROGRESS_H
#define TARN_CLI_EVAL_PROGRESS_H

#include "train/evaluate_batches.h"
#include "train/live_line.h"

#ifdef __cplusplus
extern "C" {
#endif

struct eval_progress {
    struct evaluate_options options; // for the evaluation
    struct live_line line;
    double start, seconds; // of the clock; what the evaluation took, once it ended
};

// The progress must stay where it is until its end.
void eval_progress_start(struct eval_progress *progress, const char *label);

void eval_progress_end(struct eval_progress *progress);

// After the end: "87 images in 4.03 s, 21.6 images/s", and `more` behind it.
void eval_progress_log(const struct eval_progress *progress, size_t n_images, const char *more);

#ifdef __cplusplus
}
#endif
#endif
