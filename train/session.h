// A model with what it needs to run: backend, detector, class table, data sets. Built from a
// config (training) or from a checkpoint (evaluation, detection).
#ifndef TARN_TRAIN_SESSION_H
#define TARN_TRAIN_SESSION_H

#include "coco/dataset.h"
#include "detect/detector.h"
#include "train/classes.h"
#include "train/config.h"

#ifdef __cplusplus
extern "C" {
#endif

struct session {
    struct config config; // resolved: nothing is left to "auto"
    struct backend *backend;
    struct detector *detector;
    struct tape *tape;
    struct classes classes;          // empty when no source told them
    struct coco_dataset *train, *val; // NULL: not loaded
};

// device: as device_open's (train/device.h).

// Reads the training and validation annotations, creates the model and, with load_start, loads
// model.weights and reports what was loaded. ERR_USAGE when the config has no training data.
enum status session_open_training(const struct config *config, const char *device, bool load_start,
                                  struct session **session) MUST_USE;

// The model alone with random weights: `tarn info`, `tarn bench`. Without model.n_classes the
// head gets 91 channels (COCO's), a classifier 1000 (ImageNet's).
enum status session_open_model(const struct config *config, const char *device,
                               struct session **session) MUST_USE;

// A trained model. config_path: NULL, or the config of a file that tarn did not write. overrides:
// as config_override's. Every parameter must be in the file. On the CPU train.precision is f32
// whatever the file says, unless an override names it.
enum status session_open_checkpoint(const char *path, const char *config_path, const char *device,
                                    int n_overrides, const char *const *overrides,
                                    struct session **session) MUST_USE;

// For a model without a class table of its own: takes the data set's. Otherwise warns where the
// two differ.
enum status session_know_classes(struct session *session,
                                 const struct coco_dataset *dataset) MUST_USE;

void session_close(struct session *session); // NULL-safe

// With train.ema the model computes with its moving average, or again with what is trained.
enum status session_use_average(struct session *session, bool average) MUST_USE;

// The loader's config for evaluation on a data set.
void session_eval_loader(const struct session *session, const struct coco_dataset *dataset,
                         const char *image_folder, struct loader_config *config);

// A classifier's logits (n_classes) of one decoded image, as evaluation sees it.
enum status session_classify(struct session *session, const struct image *image,
                             float *logits) MUST_USE;

// Inference on one decoded image; boxes in its own pixels. Free with detections_free.
enum status session_detect(struct session *session, const struct image *image,
                           struct detections *detections) MUST_USE;

// The category id behind a label; false when the class table does not know it.
bool session_category(const struct session *session, int label, int64_t *category_id);

#ifdef __cplusplus
}
#endif
#endif
