// The table of an experiment: what its results files say.
//
// Spread is the sample's standard deviation over the seeds. The interval of a difference is that of
// `tarn compare` over the pairs of one seed (eval/compare.h, compare_pairs): images are resampled,
// the same for all seeds and both poolings, and the difference is the mean over the seeds. It tells
// what other images would change, for these runs; what other seeds would change is in the spread
// and in the differences of each seed.
#ifndef TARN_TRAIN_EXPERIMENT_TABLE_H
#define TARN_TRAIN_EXPERIMENT_TABLE_H

#include <stdio.h>

#include "eval/compare.h"
#include "train/experiment.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { TABLE_STATS = 6 }; // AP, AP50, AP75, APs, APm, APl: the first of COCO's twelve

// One model with one pooling.
struct experiment_cell {
    double stats[FIELD_LIST_MAX][TABLE_STATS];     // of each seed; -1: undefined, no objects
    double mean[TABLE_STATS], spread[TABLE_STATS]; // -1: undefined; spread also with one seed
    struct compare_number compared[COMPARE_STATS]; // b: this, a: the model's first pooling
};

struct experiment_table {
    const struct experiment *experiment; // borrowed
    struct experiment_cell *cells;       // (n_models, n_poolings)
    size_t *n_images;                    // (n_models)
};

// Reads FOLDER/NAME/results.json of all runs; ERR_IO when one is missing.
enum status experiment_table_build(const struct experiment *experiment, const char *folder,
                                   struct experiment_table *table) MUST_USE;
void experiment_table_free(struct experiment_table *table);

// In percent, as the papers print it.
enum status experiment_table_print(const struct experiment_table *table, FILE *stream) MUST_USE;
enum status experiment_table_save_markdown(const struct experiment_table *table,
                                           const char *path) MUST_USE;
// Shares, not percent, with 17 digits; what is undefined is null.
enum status experiment_table_save_json(const struct experiment_table *table,
                                       const char *path) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
