// A detector on the CPU for tests.
#ifndef TARN_TESTS_DETECT_FIXTURE_H
#define TARN_TESTS_DETECT_FIXTURE_H

#include "detect/detector.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MUST(expression) cr_assert((expression) == OK, "%s", fail_message())

struct fixture {
    struct backend *backend;
    struct tape *tape;
    struct detector *detector;
    int n_losses, n_roots; // of the last step of training
};

// torchvision's settings, trainable_layers 5.
struct detector_config fixture_config(int depth, enum norm_type norm, int n_classes);
// torchvision's Faster or Mask R-CNN, with fewer candidates and samples; frozen batch norm.
struct detector_config fixture_rcnn_config(int depth, enum detector_type type, int n_classes);
void fixture_create(struct fixture *f, const struct detector_config *config);
void fixture_destroy(struct fixture *f);

// A step of SGD with momentum and clipped gradients; the sum of the losses before it. The first
// step is 0.
double fixture_train_step(struct fixture *f, const struct batch *batch, float lr, uint32_t step);

double fixture_iou(const float a[4], const float b[4]);

// The path of a new, empty temporary file.
void fixture_path(char path[64]);

#ifdef __cplusplus
}
#endif
#endif
