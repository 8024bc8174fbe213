// The operations of Faster and Mask R-CNN: region proposals, RoI heads, masks.
//
// No shape depends on data. RoIs of all images lie in one list of fixed capacity, image by image
// without gaps, with their number in device memory: `count` (1) i32. Rows from there on hold
// nothing: kernels may skip them, and what they write there is zero. A tensor whose leading axis is
// such a list says so by `valid` (nn/tensor.h), which conv2d, linear, relu and conv_transpose hand
// on to their outputs, so that a backend that can see the number does no work beyond it.
#ifndef TARN_NN_OPS_RCNN_H
#define TARN_NN_OPS_RCNN_H

#include "nn/box_regression.h"
#include "nn/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

// y[n,2h+i,2w+j] = relu?( sum_c x[n,h,w,c] w[i,j,:,c] + bias ): a transposed convolution with
// kernel and stride 2. x (N,H,W,I), w (2,2,O,I), bias (O), y (N,2H,2W,O).
struct conv_transpose_args {
    bool relu;
};
enum status conv_transpose(struct tape *tape, struct tensor *x, struct tensor *w,
                           struct tensor *bias, const struct conv_transpose_args *args,
                           struct tensor **y) MUST_USE;

// ---- region proposal network (Ren et al. 2015) -----------------------------------------------

// Draws the anchors that the losses see: per image up to n_samples * positive_fraction of those
// with matched >= 0, negatives (MATCH_NONE) for the rest, uniformly without replacement; the same
// for any number of threads (stream RNG_ANCHOR_SAMPLES). matched (N,A_all) of match_anchors.
// given: NULL, or (N,A_all) u8 to be taken as the outcome (tests against other programs).
// sampled (N,A_all) u8: SAMPLE_NONE, SAMPLE_NEGATIVE or SAMPLE_POSITIVE. n_sampled (1) i32: of all
// images.
enum { SAMPLE_NONE = 0, SAMPLE_NEGATIVE = 1, SAMPLE_POSITIVE = 2 };
struct sample_anchors_args {
    int n_samples;           // 256 an image
    float positive_fraction; // 0.5
};
enum status sample_anchors(struct tape *tape, struct tensor *matched, struct tensor *given,
                           const struct sample_anchors_args *args, struct tensor **sampled,
                           struct tensor **n_sampled) MUST_USE;

// Binary cross-entropy of one level's objectness, logits (N,H,W,A), over its sampled anchors,
// divided by `normalizer` if that is above 0, else by max(1, n_sampled). loss (1).
struct objectness_loss_args {
    int64_t offset;    // this level's first anchor
    double normalizer; // Detectron2: 256 an image
};
enum status objectness_loss(struct tape *tape, struct tensor *logits, struct tensor *sampled,
                            struct tensor *n_sampled, const struct objectness_loss_args *args,
                            struct tensor **loss) MUST_USE;

// Smooth L1 (beta 0: L1) of one level's deltas (N,H,W,A*4) at SAMPLE_POSITIVE anchors against the
// encoded boxes of their objects; the same division. kind: BOX_LOSS_* (nn/box_regression.h).
// Kernel inputs: deltas, anchors, matched, sampled, gt_boxes, n_sampled.
struct rpn_box_loss_args {
    int64_t offset;
    double normalizer;
    float beta;       // 1/9
    float weights[4]; // of the box coder
    int kind;         // BOX_LOSS_GIOU: 1 - GIoU of decoded boxes (Rezatofighi et al. 2019)
};
enum status rpn_box_loss(struct tape *tape, struct tensor *deltas, struct tensor *anchors,
                         struct tensor *matched, struct tensor *sampled, struct tensor *gt_boxes,
                         struct tensor *n_sampled, const struct rpn_box_loss_args *args,
                         struct tensor **loss) MUST_USE;

// One level's candidates: the top_k anchors by logit (ties: lower index), boxes decoded, clipped to
// the image's unpadded size; score sigmoid(logit). Boxes with a side below min_size get score -1.
// logits, deltas: one tensor a level; outputs hold top_k slots a level (or the level's anchors when
// those are fewer), levels one after another: boxes (N,S,4), scores (N,S), levels (N,S) i32 (for
// nms in place of labels). Runs one kernel call a level.
struct select_proposals_args {
    int64_t offset;
    int level, top_k, slot; // slot: first of this level in the outputs
    float min_size;         // 1e-3
    float weights[4];
};
enum status select_proposals(struct tape *tape, int n_levels, struct tensor *const *logits,
                             struct tensor *const *deltas, const int64_t *offsets,
                             struct tensor *anchors, struct tensor *sizes,
                             const struct select_proposals_args *args, struct tensor **boxes,
                             struct tensor **scores, struct tensor **levels) MUST_USE;

// ---- RoI heads -------------------------------------------------------------------------------

// What nms kept, as a list: rois (N*max_keep,4), roi_image (N*max_keep) i32, count (1) i32.
enum status gather_rois(struct tape *tape, struct tensor *boxes, struct tensor *keep,
                        struct tensor *n_keep, struct tensor **rois, struct tensor **roi_image,
                        struct tensor **count) MUST_USE;

// Training: per image the proposals that nms kept and then the objects' own boxes are candidates.
// Each is matched with the object of the highest IoU (ties: the first; below iou: background), and
// n_samples are drawn as by sample_anchors (stream RNG_ROI_SAMPLES). No candidates x objects matrix
// is stored. Within an image positives come first, each group in ascending candidate index.
// given: NULL, or (N,n_samples) i32 candidate indices, -1 after the last (tests).
// Outputs, C = N*n_samples: rois (C,4), roi_image (C) i32, roi_labels (C) i32 (0: background),
// roi_matched (C) i32 (object; -1: background), count (1) i32; P = N*floor(n_samples*fraction):
// positives (P) i32, the list of positive RoIs, n_positive (1) i32.
struct sample_rois_args {
    int n_samples;           // 512
    float positive_fraction; // 0.25
    float iou;               // 0.5
};
struct roi_samples {
    struct tensor *rois, *roi_image, *labels, *matched, *count, *positives, *n_positive;
};
enum status sample_rois(struct tape *tape, struct tensor *boxes, struct tensor *keep,
                        struct tensor *n_keep, struct tensor *gt_boxes, struct tensor *gt_labels,
                        struct tensor *gt_count, struct tensor *given,
                        const struct sample_rois_args *args, struct roi_samples *samples) MUST_USE;

// RoIAlign (He et al. 2017) on a pyramid: level = floor(4 + log2(sqrt(area) / 224) + 1e-6), clamped
// to the levels at hand (scale 1/4 is level 2). select: NULL, or (P) i32, indices into
// rois, whose number is `count` then. y (C or P, size, size, channels), valid = count.
// A bin is the mean of sampling_ratio^2 bilinear samples (0: ceil(roi/size) each way).
// aligned: coordinates lie half a pixel lower, and rois are not widened to 1 (Detectron2's V2).
// Backward gathers, so that results repeat. Kernel inputs: rois, roi_image, count, select, maps ...
enum { ROI_MAX_LEVELS = 4, ROI_MAX_SIZE = 64 };
struct roi_align_args {
    int n_levels;
    float scales[ROI_MAX_LEVELS]; // powers of two: 1/4, 1/8, ...
    int size, sampling_ratio;
    bool aligned;
    uint8_t zero[3];
};
enum status roi_align(struct tape *tape, struct tensor *rois, struct tensor *roi_image,
                      struct tensor *count, struct tensor *select, struct tensor *const *maps,
                      const struct roi_align_args *args, struct tensor **y) MUST_USE;

// Softmax cross-entropy, logits (C,K), labels (C), mean over the count. loss (1). With
// label smoothing e (Szegedy et al. 2016) the target is 1 - e + e/K for the label and e/K for the
// other classes. Kernel inputs: logits, labels, count.
struct softmax_loss_args {
    float smoothing; // e, 0 to 1
};
enum status softmax_loss(struct tape *tape, struct tensor *logits, struct tensor *labels,
                         struct tensor *count, const struct softmax_loss_args *args,
                         struct tensor **loss) MUST_USE;

// Regression loss of RoIs whose label is above 0, summed, divided by max(1, count): deltas (C,K*4),
// the four of the RoI's own class (class_agnostic: (C,4)).
// Kernel inputs: deltas, rois, roi_image, labels, matched, gt_boxes, count.
struct roi_box_loss_args {
    float beta;       // 1/9
    float weights[4]; // 10 10 5 5
    int kind;         // BOX_LOSS_*
    bool class_agnostic;
    uint8_t zero[3];
};
enum status roi_box_loss(struct tape *tape, struct tensor *deltas,
                         const struct roi_samples *samples, struct tensor *gt_boxes,
                         const struct roi_box_loss_args *args, struct tensor **loss) MUST_USE;

// Inference: softmax, decoding with (10,10,5,5), clipping, score > threshold, sides >= min_size,
// background left out. Candidates per image for nms by class: boxes (N,S,4), scores (N,S),
// labels (N,S) i32; unused slots: score -1. S = slots_per_roi * max RoIs an image, where
// slots_per_roi = min(K-1, floor(1/threshold)): more classes cannot pass.
// Kernel inputs: logits, deltas, rois, roi_image, count, sizes.
struct roi_detections_args {
    int rois_per_image; // capacity an image in rois
    int slots_per_roi;
    float score_threshold, min_size; // 0.05, 1e-2
    float weights[4];
    bool class_agnostic;
    uint8_t zero[3];
};
enum status roi_detections(struct tape *tape, struct tensor *logits, struct tensor *deltas,
                           struct tensor *rois, struct tensor *roi_image, struct tensor *count,
                           struct tensor *sizes, const struct roi_detections_args *args,
                           struct tensor **boxes, struct tensor **scores,
                           struct tensor **labels) MUST_USE;

// The labels of what nms kept, in the order of gather_rois: roi_labels (N*max_keep) i32.
enum status gather_labels(struct tape *tape, struct tensor *labels, struct tensor *keep,
                          struct tensor *n_keep, struct tensor **roi_labels) MUST_USE;

// ---- masks -----------------------------------------------------------------------------------

// What a positive RoI's mask shall be: RoIAlign (scale 1, adaptive sampling, not aligned) of its
// object's mask, fractional as torchvision has it. masks: u8 bytes of all objects, 0 or 1, cropped
// to `frames` (N*G,4) i32 x y width height in resized pixels (0 outside the frame), beginning at
// starts (N*G) i64 bytes as two i32 (low, high). sizes (N,2) f32: height, width of the unpadded
// images, at whose borders masks are continued. targets (P,size,size) f32.
// Kernel inputs: masks, frames, starts, sizes, rois, roi_image, matched, positives, n_positive.
struct mask_targets_args {
    int size;        // 28
    int max_objects; // G
};
enum status mask_targets(struct tape *tape, struct tensor *masks, struct tensor *frames,
                         struct tensor *starts, struct tensor *sizes,
                         const struct roi_samples *samples, const struct mask_targets_args *args,
                         struct tensor **targets) MUST_USE;

// Binary cross-entropy of the channel of each RoI's class, logits (P,size,size,K), mean over
// n_positive * size * size; zero when there is none. class_agnostic: K = 1.
// Kernel inputs: logits, targets, labels, positives, n_positive.
struct mask_loss_args {
    bool class_agnostic;
};
enum status mask_loss(struct tape *tape, struct tensor *logits, struct tensor *targets,
                      const struct roi_samples *samples, const struct mask_loss_args *args,
                      struct tensor **loss) MUST_USE;

// Inference: sigmoid of the channel of each RoI's label: (D,size,size) f32.
enum status mask_probabilities(struct tape *tape, struct tensor *logits, struct tensor *labels,
                               struct tensor *count, const struct mask_loss_args *args,
                               struct tensor **probabilities) MUST_USE;

// Inference: masks as bits of their images. probabilities (D,size,size); boxes (K,4) f32 in pixels
// of the image, finite; places (K,N_PASTE) i32 (nn/paste.h), words ascending. bits (n_words) i32:
// pixel (x, y) of a mask is bit n % 32 of word n / 32 from its first on, n = x * height + y; the
// bits left over are 0.
struct paste_args {
    int64_t n_words; // of all masks
    int method;      // enum paste_method
    float threshold;
};
enum status paste_masks(struct tape *tape, struct tensor *probabilities, struct tensor *boxes,
                        struct tensor *places, const struct paste_args *args,
                        struct tensor **bits) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
