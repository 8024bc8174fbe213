// The folder of a run: what lies in it, what another run left, saving in the right order.
#ifndef TARN_TRAIN_RUN_FOLDER_H
#define TARN_TRAIN_RUN_FOLDER_H

#include "base/file.h"
#include "train/checkpoint.h"

#ifdef __cplusplus
extern "C" {
#endif

struct run_folder {
    char path[PATH_BYTES];
    char config[PATH_BYTES], log[PATH_BYTES];
    char last[PATH_BYTES], state[PATH_BYTES], best[PATH_BYTES];
    char confusion[PATH_BYTES]; // of a classifier: the picture of its last evaluation
};

enum status run_folder_init(struct run_folder *folder, const char *path) MUST_USE;

bool run_folder_is_used(const struct run_folder *folder); // holds any file of a run

// Creates the folder and removes unfinished files that a killed run left.
enum status run_folder_prepare(const struct run_folder *folder) MUST_USE;

enum status run_folder_save_config(const struct run_folder *folder,
                                   const struct config *config) MUST_USE;

// last.state.safetensors first, then last.safetensors: whatever a kill leaves, resuming reads one
// whole file. keep: also iteration_N.safetensors.
enum status run_folder_save(const struct run_folder *folder, const struct checkpoint *checkpoint,
                            bool keep) MUST_USE;

// Warns of the keys that differ between the run's config.json and `config`.
enum status run_folder_compare_config(const struct run_folder *folder,
                                      const struct config *config) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
