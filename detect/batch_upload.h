// Parts of a batch as tensors of the tape.
#ifndef TARN_DETECT_BATCH_UPLOAD_H
#define TARN_DETECT_BATCH_UPLOAD_H

#include "coco/loader.h"
#include "nn/tape.h"

#ifdef __cplusplus
extern "C" {
#endif

struct batch_objects {
    struct tensor *boxes, *labels, *counts; // (N,G,4) f32, (N,G) i32, (N) i32
};

struct batch_masks {
    struct tensor *masks, *frames, *starts; // as mask_targets takes them (nn/ops_rcnn.h)
};

enum status batch_upload_images(struct tape *tape, const struct batch *batch,
                                struct tensor **images) MUST_USE; // (N,H,W,3)
// *images (f32, dropped) in the type of the model's activations.
enum status batch_cast_images(struct tape *tape, bool bf16, struct tensor **images) MUST_USE;
enum status batch_upload_sizes(struct tape *tape, const struct batch *batch,
                               struct tensor **sizes) MUST_USE; // (N,2)
enum status batch_upload_objects(struct tape *tape, const struct batch *batch,
                                 struct batch_objects *objects) MUST_USE;
// ERR_DATA when the batch has no masks.
enum status batch_upload_masks(struct tape *tape, const struct batch *batch,
                               struct batch_masks *masks) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
