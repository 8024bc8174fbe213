// What a config says about the batches of its training and evaluation.
#ifndef TARN_TRAIN_LOADER_CONFIG_H
#define TARN_TRAIN_LOADER_CONFIG_H

#include "coco/loader.h"
#include "train/config.h"

#ifdef __cplusplus
extern "C" {
#endif

// dataset and config are borrowed by *out. first_batch: batches that are skipped.
void loader_config_training(const struct config *config, const struct coco_dataset *dataset,
                            int64_t first_batch, struct loader_config *out);

void loader_config_evaluation(const struct config *config, const struct coco_dataset *dataset,
                              const char *image_folder, struct loader_config *out);

// Length of the short side in evaluation and detection.
int loader_config_min_size(const struct config *config);

#ifdef __cplusplus
}
#endif
#endif
