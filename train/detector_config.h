// The detector that a config describes.
#ifndef TARN_TRAIN_DETECTOR_CONFIG_H
#define TARN_TRAIN_DETECTOR_CONFIG_H

#include "detect/detector.h"
#include "train/config.h"

#ifdef __cplusplus
extern "C" {
#endif

// config: checked, its "auto" values settled.
void detector_config_from(const struct config *config, struct detector_config *detector);

#ifdef __cplusplus
}
#endif
#endif
