// Inside of train/checkpoint*.c: the names in our files.
#ifndef TARN_TRAIN_CHECKPOINT_FILE_H
#define TARN_TRAIN_CHECKPOINT_FILE_H

#include "nn/params.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CHECKPOINT_VERSION        "tarn.version"
#define CHECKPOINT_CONFIG         "tarn.config"
#define CHECKPOINT_CLASSES        "tarn.classes"
#define CHECKPOINT_ITERATION      "tarn.iteration"
#define CHECKPOINT_EVALUATED      "tarn.evaluated"
#define CHECKPOINT_BEST_AP        "tarn.best_ap"
#define CHECKPOINT_BEST_ITERATION "tarn.best_iteration"
#define CHECKPOINT_LOG_BYTES      "tarn.log_bytes"
#define CHECKPOINT_LAYOUT         "tarn.layout"
// All of it, in memory order: of the optimiser, and the moving average.
#define CHECKPOINT_VELOCITY       "tarn.velocity"
#define CHECKPOINT_SECOND         "tarn.second"
#define CHECKPOINT_AVERAGE        "tarn.average"

enum { CHECKPOINT_NAME_BYTES = 160 };

// Changes when trainable parameters, their order or their offsets do.
uint32_t checkpoint_layout_hash(const struct params *params);

#ifdef __cplusplus
}
#endif
#endif
