// What the tables of detectors and of classifiers have in common.
#ifndef TARN_TRAIN_EXPERIMENT_FORM_H
#define TARN_TRAIN_EXPERIMENT_FORM_H

#include <stdio.h>

#include "train/experiment.h"

#ifdef __cplusplus
extern "C" {
#endif

// Mean and the sample's standard deviation (n - 1; -1 where n is 1) of values[0], values[stride],
// ..., n of them.
void experiment_moments(const double *values, size_t stride, size_t n, double *mean,
                        double *spread);

// "+0.31 -0.05 +0.77": 100 times each value, with signs where is_signed; what is too long is cut.
void experiment_seeds_text(const double *values, size_t n, bool is_signed, char *text,
                           size_t n_bytes);

// "WHAT in percent of the best checkpoint, MEAN of 3 seeds.", and an empty line.
void experiment_write_title(const struct experiment *experiment, const char *what, const char *mean,
                            FILE *stream);

// Writes a file as a whole or not at all.
enum status experiment_save_text(const char *path, const void *table,
                                 enum status (*write)(const void *table, FILE *stream)) MUST_USE;

// {"type": ..., "checkpoint": ..., "models": [{"model": ..., "images": ..., "poolings": [...]}]}
struct experiment_json {
    const char *type;
    const char *more; // members behind the checkpoint's, e.g. " \"interval\": 0.95,"; ""
    const struct experiment *experiment;
    const size_t *n_images; // (n_models)
    const void *table;
    // The members of a pooling's object behind its name.
    void (*write_cell)(const void *table, size_t model, size_t pooling, FILE *stream);
};
enum status experiment_save_json(const struct experiment_json *json, const char *path) MUST_USE;

// "NAME": {"KEY": 0.5, ...}; a number below 0 is undefined: null.
void experiment_write_stats(FILE *stream, const char *name, size_t n, const char *const *keys,
                            const double *stats);

#ifdef __cplusplus
}
#endif
#endif
