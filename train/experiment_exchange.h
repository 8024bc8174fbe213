// A pooling of an experiment that is not trained: another pooling's network, whose pools are
// exchanged when it is measured ("pre-train" in table 2 of the SoftPool paper).
#ifndef TARN_TRAIN_EXPERIMENT_EXCHANGE_H
#define TARN_TRAIN_EXPERIMENT_EXCHANGE_H

#include "train/experiment_keys.h"

#ifdef __cplusplus
extern "C" {
#endif

// Fills experiment->exchanges from the poolings' "of" and "set". ERR_USAGE, with file and place:
// "of" names no earlier pooling that is trained, "set" has other keys than backbone.pool's.
enum status experiment_read_exchanges(const struct experiment_reading *reading) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
