// The operations: one function each. It checks arguments, infers the output's shape, runs the
// forward kernel and records. Shapes: activations (N,H,W,C), f32; where the backend has bf16,
// conv2d, linear, conv_transpose, batch_norm, group_norm, relu, upsample_add and roi_align take
// them in bf16 too and give y in x's type. Parameters and all that is no activation are f32.
// Optional tensors may be NULL.
// ERR_USAGE: shapes that do not fit (a wrong config or checkpoint), with both shapes named.
// Members called zero name the bytes that would be padding, so that initialisers clear them:
// a sequence of operations is recognised by the bytes of its arguments (tape_defer).
#ifndef TARN_NN_OPS_H
#define TARN_NN_OPS_H

#include "nn/pool.h"
#include "nn/tape.h"

#ifdef __cplusplus
extern "C" {
#endif

// y = relu?( scale * (x * w) + bias + residual ).
// x (N,H,W,I), w (O,kh,kw,I), scale (O) constant without gradient (frozen batch norm),
// bias (O), residual and y (N,OH,OW,O). Kernel inputs: x, w, scale, bias, residual.
struct conv2d_args {
    int stride, padding;
    bool relu;
    bool f32_output; // y is f32 whatever x is: what losses and detections read
    uint8_t zero[2];
};
enum status conv2d(struct tape *tape, struct tensor *x, struct tensor *w, struct tensor *scale,
                   struct tensor *bias, struct tensor *residual, const struct conv2d_args *args,
                   struct tensor **y) MUST_USE;

// y = relu?( x w' + bias ). x (N, ...) flattened to (N,F), w (O,F), bias (O), y (N,O).
// Kernel inputs: x, w, bias.
struct linear_args {
    bool relu;
    bool f32_output; // as conv2d's
};
enum status linear(struct tape *tape, struct tensor *x, struct tensor *w, struct tensor *bias,
                   const struct linear_args *args, struct tensor **y) MUST_USE;

// y = relu?( (x - mean) / sqrt(var + eps) * gamma + beta + residual ) per channel.
// Training: mean and biased variance of the batch; running statistics move by `momentum`
// (new = (1 - momentum) * old + momentum * batch, with the unbiased variance), as PyTorch.
// Otherwise the running statistics are used. Kernel inputs: x, gamma, beta, running_mean,
// running_var, residual. Kernel outputs: y, saved mean (C), saved 1/sqrt(var + eps) (C).
struct batch_norm_args {
    float eps, momentum;
    bool relu;
    uint8_t zero[3];
};
enum status batch_norm(struct tape *tape, struct tensor *x, struct tensor *gamma,
                       struct tensor *beta, struct tensor *running_mean,
                       struct tensor *running_var, struct tensor *residual,
                       const struct batch_norm_args *args, struct tensor **y) MUST_USE;

// The same with the statistics of each image and group of C / groups channels (Wu & He 2018).
// Kernel inputs: x, gamma, beta, residual. Outputs: y, saved mean (N,groups), saved rstd.
struct group_norm_args {
    int groups;
    float eps;
    bool relu;
    uint8_t zero[3];
};
enum status group_norm(struct tape *tape, struct tensor *x, struct tensor *gamma,
                       struct tensor *beta, struct tensor *residual,
                       const struct group_norm_args *args, struct tensor **y) MUST_USE;

// y = max(x, 0)
enum status relu(struct tape *tape, struct tensor *x, struct tensor **y) MUST_USE;

// FPN's merge: y = lateral + nearest(top), top resized to lateral's height and width;
// source index = floor(dst * in / out). Kernel inputs: top, lateral.
enum status upsample_add(struct tape *tape, struct tensor *top, struct tensor *lateral,
                         struct tensor **y) MUST_USE;

// One pooling layer made of window kernels (see nn/pool.h). Kernel inputs: x, then the pool's
// trainable parameters. Kernel outputs: y, then what the pool saves for backward.
// window.kernel 0 means the whole map (global pooling). x is f32 or bf16, y is what x is.
struct pool_op_args {
    const struct pool_def *def;
    struct window window;
    int site;         // for random numbers: stream RNG_POOL + site
    const void *args; // the pool's own parameters, def->args_bytes; lives as long as the model
};
enum status pool_op(struct tape *tape, struct tensor *x, int n_params, struct tensor *const *params,
                    const struct pool_op_args *args, struct tensor **y) MUST_USE;

// ---- RetinaNet -----------------------------------------------------------------------------
// Anchors of all levels are concatenated, A_all = sum of the levels' H*W*A; `offset` is a level's
// first anchor. Targets never hold an anchors x objects or anchors x classes matrix.

// Assigns a ground truth to every anchor (specs: torchvision's Matcher).
// anchors (A_all,4) xyxy, gt_boxes (N,G,4) xyxy, gt_count (N) i32 <= G.
// matched (N,A_all) i32: index of the gt, MATCH_NONE (background) or MATCH_IGNORED.
// n_positive (N) i32.
enum { MATCH_NONE = -1, MATCH_IGNORED = -2 };
struct match_args {
    float high, low; // IoU >= high: match; < low: background; between: ignored
    bool allow_low_quality; // each gt also gets the anchors that share its best IoU, if > 0
    uint8_t zero[3];
};
enum status match_anchors(struct tape *tape, struct tensor *anchors, struct tensor *gt_boxes,
                          struct tensor *gt_count, const struct match_args *args,
                          struct tensor **matched, struct tensor **n_positive) MUST_USE;

// In training, moves the running number of positive anchors of a batch, in place:
// state (1) f32 = momentum * state + (1 - momentum) * max(1, sum of n_positive). Detectron2's
// RetinaNet divides its losses by it. Kernel inputs: state, n_positive.
struct track_positives_args {
    float momentum; // 0.9
};
enum status track_positives(struct tape *tape, struct tensor *state, struct tensor *n_positive,
                            const struct track_positives_args *args) MUST_USE;

// Sigmoid focal loss (Lin et al. 2017, eq. 5), of one level, summed over its anchors and classes,
// divided per image by max(1, n_positive), averaged over images; n_positive may be a number (1) f32
// instead, by which the sum over all images is divided.
// logits (N,H,W,A*K): channel a*K + k. gt_labels (N,G) i32: class index 0..K-1.
// Kernel inputs: logits, matched, gt_labels, n_positive. loss: (1) f32.
struct focal_loss_args {
    int64_t offset; // this level's first anchor
    int n_classes;  // K
    float alpha, gamma;
    int zero;
};
enum status focal_loss(struct tape *tape, struct tensor *logits, struct tensor *matched,
                       struct tensor *gt_labels, struct tensor *n_positive,
                       const struct focal_loss_args *args, struct tensor **loss) MUST_USE;

// Regression loss on encoded deltas of positive anchors of one level; same normalisation.
// deltas (N,H,W,A*4): channel a*4 + {dx,dy,dw,dh}. beta 0: L1; > 0: smooth L1.
// kind: BOX_LOSS_* of nn/box_regression.h.
// Kernel inputs: deltas, anchors, matched, gt_boxes, n_positive.
struct box_loss_args {
    int64_t offset;
    float beta;
    float weights[4]; // of the box coder
    int kind;
};
enum status box_loss(struct tape *tape, struct tensor *deltas, struct tensor *anchors,
                     struct tensor *matched, struct tensor *gt_boxes, struct tensor *n_positive,
                     const struct box_loss_args *args, struct tensor **loss) MUST_USE;

// Inference: of each image and level, the best top_k (anchor, class) pairs with
// sigmoid(logit) > score_threshold, boxes decoded and clipped to the image.
// logits and deltas: one tensor a level.
// sizes (N,2) f32: height, width of the unpadded image. Outputs hold top_k slots a level,
// levels one after another: boxes (N,L*top_k,4), scores (N,L*top_k) f32 descending within a level,
// ties by lower flat index; labels (N,L*top_k) i32. Unused slots: score -1, label -1.
// Runs one kernel call a level. Kernel inputs: logits, deltas, anchors, sizes; outputs as above.
struct select_args {
    int64_t offset; // this level's first anchor
    int level, top_k, n_classes;
    float score_threshold;
    float weights[4];
};
enum status select_detections(struct tape *tape, int n_levels, struct tensor *const *logits,
                              struct tensor *const *deltas, const int64_t *offsets,
                              struct tensor *anchors, struct tensor *sizes,
                              const struct select_args *args, struct tensor **boxes,
                              struct tensor **scores, struct tensor **labels) MUST_USE;

// Greedy non-maximum suppression per image and label: by score descending (ties: lower index);
// suppressed when IoU > threshold with a kept box of the same label; 0/0 never suppresses.
// Slots with score < 0 are skipped. keep (N,max_keep) i32: slots by score descending, -1 after
// the last; n_keep (N) i32.
struct nms_args {
    double iou_threshold; // compared with the float IoU
    int max_keep, zero;
};
enum status nms(struct tape *tape, struct tensor *boxes, struct tensor *scores,
                struct tensor *labels, const struct nms_args *args, struct tensor **keep,
                struct tensor **n_keep) MUST_USE;

// ---- images ----------------------------------------------------------------------------------

// Decoded images onto a canvas (N,height,width,3) f32 that is zero elsewhere: mirrored, normalised
// and resized into its top left corner (base/resize.h). pixels u8: all images; places (N,N_PLACE)
// i32. Each image's new size must fit the canvas.
struct resize_images_args {
    int height, width;
};
enum status resize_images(struct tape *tape, struct tensor *pixels, struct tensor *places,
                          const struct resize_images_args *args, struct tensor **images) MUST_USE;

// ---- optimiser, over flat buffers ------------------------------------------------------------

// out (1) f32 = sum of x^2, accumulated in double.
enum status sum_squares(struct tape *tape, struct tensor *x, struct tensor **out) MUST_USE;

// torch.optim.SGD: g = c * grad + decay * w; v = momentum * v + g (v = g on the first step);
// w -= lr * (nesterov ? g + momentum * v : v).
// c = min(1, max_norm / (sqrt(norm_squared) + 1e-6)) when norm_squared is given (clip_grad_norm_),
// else 1. All of one length; in place.
// Kernel inputs: values, grads, velocity, norm_squared.
struct sgd_args {
    float lr, momentum, weight_decay, max_norm;
    bool nesterov, first_step;
    uint8_t zero[2];
};
enum status sgd_step(struct tape *tape, struct tensor *values, struct tensor *grads,
                     struct tensor *velocity, struct tensor *norm_squared,
                     const struct sgd_args *args) MUST_USE;

// torch.optim.AdamW: w *= 1 - lr * decay; with g = c * grad, c as above:
//   first = beta1 * first + (1 - beta1) * g; second = beta2 * second + (1 - beta2) * g^2;
//   w -= lr / (1 - beta1^step) * first / (sqrt(second) / sqrt(1 - beta2^step) + eps).
// All of one length; in place. On step 1 both moments count as 0, whatever they hold.
// Kernel inputs: values, grads, first, second, norm_squared.
struct adamw_args {
    float lr, beta1, beta2, eps, weight_decay, max_norm;
    int64_t step; // 1, 2, 3, ...
};
enum status adamw_step(struct tape *tape, struct tensor *values, struct tensor *grads,
                       struct tensor *first, struct tensor *second, struct tensor *norm_squared,
                       const struct adamw_args *args) MUST_USE;

// Moves values, (n, sets) or (n), in place, to where they have a meaning: into [low, high], or
// with `simplex` each set into those that are >= 0 and sum to 1: negative values become 0, the
// others are divided by their sum, taken in double in their order; a set without any positive value
// becomes n equal ones.
struct limit_args {
    float low, high;
    bool simplex; // low and high count for nothing
    uint8_t zero[3];
};
enum status limit_values(struct tape *tape, struct tensor *values,
                         const struct limit_args *args) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
