// Checkpoints: safetensors files with torchvision's tensor names. The metadata hold the resolved
// config, the class table, versions and seed, so that a file is enough to rebuild its model.
// All files are written beside, fsynced and renamed: a kill leaves the old or the new one.
#ifndef TARN_TRAIN_CHECKPOINT_H
#define TARN_TRAIN_CHECKPOINT_H

#include "nn/params.h"
#include "train/classes.h"
#include "train/config.h"

#ifdef __cplusplus
extern "C" {
#endif

// How far a run is: everything beside the parameters that resuming needs.
struct progress {
    int64_t iteration;      // finished optimiser steps
    int64_t evaluated;      // the last iteration whose evaluation is finished; 0: none
    int64_t best_iteration; // 0: none
    double best_ap;         // -1: none
    uint64_t log_bytes;     // length of log.jsonl
};

// What is saved.
struct checkpoint {
    const struct config *config; // resolved
    const struct classes *classes;
    const struct params *params;
    const struct progress *progress;
};

// A model alone. torchvision's model loads it strictly: with norm=bn every batch norm also has
// num_batches_tracked (I64).
enum status checkpoint_save_model(const char *path, const struct checkpoint *checkpoint) MUST_USE;

// A model, its velocity and progress in one file, so that a kill cannot tear them apart.
enum status checkpoint_save_state(const char *path, const struct checkpoint *checkpoint) MUST_USE;

// The way back, bit for bit. ERR_DATA, naming the tensor, when the file is not of the same model;
// params and progress are then undefined. The caller calls detector_refresh.
enum status checkpoint_load_state(const char *path, struct params *params,
                                  struct progress *progress) MUST_USE;

// The config and class table of a file. ERR_DATA when it was not written by tarn.
enum status checkpoint_read_config(const char *path, struct config *config,
                                   struct classes *classes) MUST_USE;

// The resolved config with versions and seed as text; cJSON_free releases it.
enum status checkpoint_config_text(const struct config *config, bool is_indented,
                                   char **text) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
