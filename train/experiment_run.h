// Trains and measures the runs of an experiment, one after another.
//
// FOLDER/NAME is a run's folder, as `tarn train` makes it, and gets results.json: what the measured
// checkpoint finds in the validation images. A run that has it is finished and is skipped; one that
// was interrupted continues at its last checkpoint, with the same bits as one left in peace.
#ifndef TARN_TRAIN_EXPERIMENT_RUN_H
#define TARN_TRAIN_EXPERIMENT_RUN_H

#include <signal.h>

#include "train/experiment.h"

#ifdef __cplusplus
extern "C" {
#endif

// The folder is claimed. stop: set by a signal handler; what is trained is saved, then
// ERR_INTERRUPTED; NULL: never. A line to stdout for each run; on a terminal a live line with the
// run, the iterations of all runs, and the time that all of them still need.
enum status experiment_run_all(const struct experiment *experiment, const char *folder,
                               const volatile sig_atomic_t *stop) MUST_USE;

enum status experiment_results_path(const char *folder, const struct experiment_run *run,
                                    char path[PATH_BYTES]) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
