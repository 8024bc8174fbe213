// The table of an experiment with classifiers: what its results files say.
//
// Spread is the sample's standard deviation over the seeds. McNemar's test (eval/mcnemar.h) is that
// of two runs with one seed on the same images: it tells whether these two networks differ, not
// whether two of other seeds would.
#ifndef TARN_TRAIN_EXPERIMENT_ACCURACY_H
#define TARN_TRAIN_EXPERIMENT_ACCURACY_H

#include <stdio.h>

#include "eval/mcnemar.h"
#include "train/experiment.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { ACCURACY_TOP1, ACCURACY_TOP5, ACCURACY_PER_CLASS, ACCURACY_STATS };

// One model with one pooling. Shares of the images; per class: the mean of the classes' top-1.
struct accuracy_cell {
    double stats[FIELD_LIST_MAX][ACCURACY_STATS]; // of each seed
    double mean[ACCURACY_STATS], spread[ACCURACY_STATS]; // spread -1: one seed
    // Top-1 less that of the model's first pooling, of equal seeds; 0 and no test in that itself.
    double difference, difference_spread;
    struct mcnemar tests[FIELD_LIST_MAX]; // a: the first pooling, b: this
};

struct accuracy_table {
    const struct experiment *experiment; // borrowed
    struct accuracy_cell *cells;         // (n_models, n_poolings)
    size_t *n_images;                    // (n_models)
};

// Reads FOLDER/NAME/results.json of all runs; ERR_IO when one is missing, ERR_DATA when two are of
// other images.
enum status accuracy_table_build(const struct experiment *experiment, const char *folder,
                                 struct accuracy_table *table) MUST_USE;
void accuracy_table_free(struct accuracy_table *table);

// In percent, as the papers print it.
enum status accuracy_table_print(const struct accuracy_table *table, FILE *stream) MUST_USE;
enum status accuracy_table_save_markdown(const struct accuracy_table *table,
                                         const char *path) MUST_USE;
// Shares, not percent, with 17 digits.
enum status accuracy_table_save_json(const struct accuracy_table *table,
                                     const char *path) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
