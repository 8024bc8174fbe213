// A detector: parameters, training losses and detections. One entry per kind in detect/detector.c;
// a classifier is a kind too, with classes in place of detections.
#ifndef TARN_DETECT_DETECTOR_H
#define TARN_DETECT_DETECTOR_H

#include "backbone/resnet.h"
#include "coco/loader.h"
#include "detect/paste_mask.h"
#include "nn/ops_rcnn.h"
#include "nn/params.h"

#ifdef __cplusplus
extern "C" {
#endif

enum detector_type {
    DETECTOR_RETINANET,
    DETECTOR_FASTER_RCNN,
    DETECTOR_MASK_RCNN,
    DETECTOR_CLASSIFIER
};

enum { RPN_LEVELS = 5 };
// Random streams of a classifier's pools lie behind those of its backbone.
enum { CLASSIFIER_MAX_AUX = 3, CLASSIFIER_POOL_INDEX = 64 };

struct detector_config {
    enum detector_type type;
    struct resnet_config backbone;
    int n_classes; // K of the head, index 0 included as in torchvision
    uint64_t seed; // initialisation
    bool bf16; // activations are bf16: what ERR_UNSUPPORTED tells of a backend without
    bool exact_anchors; // Detectron2's: not rounded, strides of powers of two
    struct {
        double prior;             // 0.01
        double focal_alpha, focal_gamma; // 0.25, 2
        int box_loss;             // BOX_LOSS_*
        double box_beta;          // 0: L1
        // Losses are divided by a running mean of a batch's positive anchors (Detectron2), kept in
        // the buffer "head.loss_normalizer"; false: by those of each image.
        bool running_normalizer;
        double match_high, match_low; // 0.5, 0.4
        double score_threshold, nms_threshold; // 0.05, 0.5
        int top_k, max_detections; // 1000 a level, 300 an image
        bool p6_from_c5;          // false: from P5
    } retinanet;
    // Faster and Mask R-CNN.
    struct {
        int anchor_sizes[RPN_LEVELS]; // 32, 64, 128, 256, 512
        double match_high, match_low; // 0.7, 0.3
        int samples;                  // 256 anchors an image, of them
        double positive_fraction;     // 0.5 positive at the most
        int box_loss;                 // BOX_LOSS_*
        double box_beta;              // 1/9
        bool fixed_normalizer;        // both losses / (samples * images), however many were drawn
        int train_top_k, top_k;       // candidates a level: 2000 in training, 1000
        int train_keep, keep;         // proposals an image: 2000 in training, 1000
        double nms_threshold;         // 0.7
    } rpn;
    struct {
        double match_iou;         // 0.5
        int samples;              // 512 RoIs an image, of them
        double positive_fraction; // 0.25 positive at the most
        bool aligned;             // RoIAlign of Detectron2
        int sampling_ratio;       // 2; 0: as many samples as the RoI has pixels
        int box_loss;             // BOX_LOSS_*
        double box_beta;          // 1/9
        bool class_agnostic;      // one box for all classes
        double score_threshold, nms_threshold; // 0.05, 0.5
        int max_detections;                    // 100 an image
    } roi;
    struct {
        bool class_agnostic; // one mask for all classes
        struct paste_options paste;
    } mask;
    // Classes are channels 0 to n_classes - 1. The pools of the sites global and aux are those of
    // `backbone`; without one of its own an auxiliary classifier has that of the last layer.
    struct {
        double label_smoothing;
        int n_aux, aux_stages[CLASSIFIER_MAX_AUX]; // ascending, 1 to 3: behind layer1 to layer3
        double weights[CLASSIFIER_MAX_AUX + 1];    // of their losses, then of the last layer's
    } classifier;
};

enum { DETECTOR_MAX_LOSSES = 8 };
struct detector_losses {
    int n;
    // RetinaNet: "classification", "bbox_regression"; R-CNN: "objectness", "rpn_box_reg",
    // "classifier", "box_reg", "mask". Classifier: "classification", "aux1" to "aux3", "penalty".
    const char *names[DETECTOR_MAX_LOSSES];
    // Scalar tensors to differentiate; roots of one name are summed for the log.
    int n_roots;
    struct tensor *roots[32];
    int root_loss[32]; // index into names
};

// Detections of one batch in host memory, original image coordinates.
struct detections {
    int n;            // images
    int capacity;     // slots an image
    int *counts;      // (n)
    float *boxes;     // (n, capacity, 4) x1 y1 x2 y2
    float *scores;    // (n, capacity) descending
    int32_t *labels;  // (n, capacity)
    // Mask R-CNN only, else NULL: probabilities inside the box, for detect/paste_mask.h.
    int mask_side;   // 28
    float *masks;    // (n, capacity, mask_side, mask_side)
    // NULL, or where the device has pasted the masks of the slots in use: their bits
    // (rle_from_bits) begin at these words.
    uint32_t *bits;
    size_t *first_words; // (n, capacity)
};

struct detector;
// Declares and initialises all parameters (laid out in its own struct params).
enum status detector_create(const struct detector_config *config, struct backend *backend,
                            struct detector **detector) MUST_USE;
void detector_destroy(struct detector *detector);
struct params *detector_params(struct detector *detector);
const struct detector_config *detector_get_config(const struct detector *detector);

// After parameters were loaded or changed other than by the optimiser: recomputes what is derived
// from frozen ones (scale and bias of frozen batch norms).
enum status detector_refresh(struct detector *detector) MUST_USE;

// Forward in training mode; the caller differentiates losses->roots.
enum status detector_losses(struct detector *detector, struct tape *tape,
                            const struct batch *batch, struct detector_losses *losses) MUST_USE;

// A classifier's forward in inference mode: logits (batch->n, n_classes) on the host.
// ERR_UNSUPPORTED of detectors, as detector_detect of classifiers.
enum status detector_classify(struct detector *detector, struct tape *tape,
                              const struct batch *batch, float *logits) MUST_USE;

// Forward in inference mode (tape not recording).
enum status detector_detect(struct detector *detector, struct tape *tape,
                            const struct batch *batch, struct detections *out) MUST_USE;
void detections_free(struct detections *detections);

// The forward pass alone on a (N,H,W,3) tensor: for `tarn info` (dry tape) and `tarn bench`.
// R-CNN: the heads run on rpn.keep and roi.max_detections made-up RoIs an image, so that the work
// does not depend on what is found.
enum status detector_forward(struct detector *detector, struct tape *tape,
                             struct tensor *images) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
