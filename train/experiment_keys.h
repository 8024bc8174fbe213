// Inside the reading of an experiment: its file's own keys, names and lists.
#ifndef TARN_TRAIN_EXPERIMENT_KEYS_H
#define TARN_TRAIN_EXPERIMENT_KEYS_H

#include "train/experiment.h"

#ifdef __cplusplus
extern "C" {
#endif

// What is being read.
struct experiment_reading {
    const char *path; // for messages
    const struct cJSON *tree;
    struct experiment *experiment;
    int n_overrides;
    const char *const *overrides;
};

// ERR_USAGE for a member that is not among `names` (NULL ends them); the nearest is offered.
// place: before the key in the message, "models[0]."
enum status experiment_check_keys(const char *path, const char *place, const struct cJSON *object,
                                  const char *const *names) MUST_USE;

// Single values, then names of models and poolings.
enum status experiment_read_keys(const struct experiment_reading *reading) MUST_USE;

// A name as it stands in a folder's: small letters, digits and '_'.
void experiment_slug(const char *name, char out[EXPERIMENT_NAME_BYTES]);

#ifdef __cplusplus
}
#endif
#endif
