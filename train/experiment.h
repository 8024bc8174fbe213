// An experiment: models x pooling layers x seeds, each a training run of its own.
//
//     { "base": "../bccd_retinanet_r18.json",           // the runs' config, relative to this file
//       "set": {"train.iterations": 900},               // for all runs
//       "models": [{"name": "RetinaNet R18", "set": {"backbone.type": "resnet18"}}],
//       "poolings": [{"name": "max"},
//                    {"name": "soft", "set": {"backbone.pool.stem.type": "soft"}}],
//       "seeds": [1, 2, 3] }
//
// Detectors or classifiers, but not both: a classifier is measured by its accuracy
// (train/experiment_accuracy.h), a detector by its AP (train/experiment_table.h). A pooling with
// "of": NAME is not trained: the checkpoint of that pooling, which stands before it, is measured
// with the pools of "set" in place of its own.
// The first pooling is the one that the others are compared with. A run's config is the file that
// its model names for its pooling ("configs": {"soft": FILE}), else its model's "base", else the
// experiment's; then the experiment's "set", the model's, the pooling's, the command line's, and
// the seed as train.seed. Keys in "set" are the config's, dotted or as nested objects.
#ifndef TARN_TRAIN_EXPERIMENT_H
#define TARN_TRAIN_EXPERIMENT_H

#include "base/file.h"
#include "eval/coco_eval.h"
#include "train/config.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { EXPERIMENT_NAME_BYTES = 48, EXPERIMENT_RUN_BYTES = 128, EXPERIMENT_MAX_RUNS = 4096 };
enum { CHECKPOINT_LAST, CHECKPOINT_BEST };
enum { EXCHANGE_MAX = 16, EXCHANGE_BYTES = 128 };

struct experiment_run {
    size_t model, pooling, seed;     // indices
    char name[EXPERIMENT_RUN_BYTES]; // of its folder: "retinanet_r18-soft-seed1"
    struct config config;            // checked, with validation images
};

// Which network a pooling is measured with.
struct experiment_exchange {
    size_t source;                           // the pooling whose runs are trained: often itself
    int n;                                   // settings that replace those of the checkpoint
    char texts[EXCHANGE_MAX][EXCHANGE_BYTES]; // as config_override takes them
};

// The keys of the file that are single values.
struct experiment_settings {
    char base[FIELD_STRING_BYTES];
    struct field_ints seeds;
    int checkpoint;    // CHECKPOINT_*: which is measured
    int type;          // enum eval_type
    int64_t resamples; // of the comparison
    int64_t resample_seed;
};
extern const struct field experiment_fields[]; // of them

struct experiment {
    struct experiment_settings settings;
    size_t n_models, n_poolings, n_seeds, n_runs;
    char (*models)[EXPERIMENT_NAME_BYTES], (*poolings)[EXPERIMENT_NAME_BYTES];
    bool is_classification;
    struct experiment_exchange *exchanges; // (n_poolings)
    struct experiment_run *runs; // (n_seeds, n_models, n_poolings), in which order they are trained
};

// Reads and resolves a file. overrides: as config_override's, of every run. ERR_USAGE, with file
// and place: unknown keys (the nearest is offered), names that stand twice, wrong configs, runs
// without validation images, a model whose runs are measured on different images; ERR_DATA: a name
// is missing.
enum status experiment_load(const char *path, int n_overrides, const char *const *overrides,
                            struct experiment **experiment) MUST_USE;
void experiment_free(struct experiment *experiment); // NULL-safe

const struct experiment_run *experiment_run_at(const struct experiment *experiment, size_t model,
                                               size_t pooling, size_t seed);
// The run whose checkpoint this one measures: itself where it is trained.
const struct experiment_run *experiment_source(const struct experiment *experiment,
                                               const struct experiment_run *run);

// Creates the folder with experiment.json, all that was resolved. ERR_USAGE, naming what differs,
// when it holds another experiment, or files but no experiment's.
enum status experiment_claim_folder(const struct experiment *experiment,
                                    const char *folder) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
