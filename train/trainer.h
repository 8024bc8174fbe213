// The training loop: steps, log, checkpoints, evaluation.
//
// OUTPUT gets config.json (resolved), log.jsonl, losses.png, ap.png, last.safetensors (the model),
// last.state.safetensors (model, velocity and progress: all that --resume reads),
// best.safetensors (best validation AP) and, with train.keep_every, iteration_N.safetensors.
#ifndef TARN_TRAIN_TRAINER_H
#define TARN_TRAIN_TRAINER_H

#include <signal.h>
#include <stdbool.h>

#include "train/session.h"

#ifdef __cplusplus
extern "C" {
#endif

// One run among several: its live line shows all of them. Counts are iterations.
struct trainer_whole {
    const char *label;     // e.g. "run 2/12"
    int64_t before, total; // of the runs before this one; of all
    int64_t found;         // of `before`, those that were there at `start`; resuming adds its own
    double start;          // clock_seconds() when the first run began
};

struct trainer_options {
    const char *output;
    bool resume; // continue what OUTPUT holds; begin when it holds nothing
    // Set by a signal handler: the step is finished and saved, then ERR_INTERRUPTED. NULL: never.
    const volatile sig_atomic_t *stop;
    bool is_quiet; // no lines on stdout, no live line
    struct trainer_whole *whole; // NULL: the run stands alone. Otherwise there is a live line
};

// ERR_USAGE when OUTPUT holds another run and resume is not set. Called before a session is
// opened, so that a wrong command ends at once.
// *continues: there is a checkpoint to continue from, so that start weights are not needed.
enum status trainer_check_output(const struct trainer_options *options, bool *continues) MUST_USE;

// Trains to the end. ERR_NUMERIC names step, loss and images when a loss or gradient is not finite;
// no file is touched then.
enum status trainer_run(struct session *session, const struct trainer_options *options) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
