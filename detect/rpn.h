// Region proposal network (Ren et al. 2015) as torchvision v1: a 3x3 convolution with ReLU, then
// objectness and box deltas for three anchors a cell, shared by all five levels.
#ifndef TARN_DETECT_RPN_H
#define TARN_DETECT_RPN_H

#include "detect/anchor_levels.h"
#include "detect/batch_upload.h"
#include "detect/detector.h"
#include "detect/layer.h"

#ifdef __cplusplus
extern "C" {
#endif

struct rpn {
    struct layer conv, logits, deltas;
    struct anchor_levels levels;
};

struct proposals {
    struct tensor *boxes;  // (N,S,4) candidates, clipped to their images
    struct tensor *keep;   // (N,max_keep) i32: what nms kept of them
    struct tensor *n_keep; // (N) i32
};

// Declares rpn.head.*: weights normal with deviation 0.01, biases 0. ERR_USAGE: a config that does
// not make sense.
enum status rpn_declare(struct params *params, const struct detector_config *config, int channels,
                        struct rpn *rpn) MUST_USE;
void rpn_free(struct rpn *rpn);

// maps: five levels (N,H,W,channels), fine to coarse.
enum status rpn_forward(const struct rpn *rpn, struct tape *tape, struct tensor *const *maps,
                        struct level_outputs *out) MUST_USE;

// Adds "objectness" (name 0) and "rpn_box_reg" (name 1) to losses. given: see sample_anchors.
enum status rpn_losses(const struct detector_config *config, struct tape *tape,
                       const struct level_outputs *out, struct tensor *anchors,
                       const struct batch_objects *objects, const uint8_t *given,
                       struct detector_losses *losses) MUST_USE;

// No gradient flows through proposals.
enum status rpn_propose(const struct detector_config *config, struct tape *tape,
                        const struct level_outputs *out, struct tensor *anchors,
                        struct tensor *sizes, bool is_training,
                        struct proposals *proposals) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
