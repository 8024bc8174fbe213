// Checkpoints of Detectron2's ResNet-FPN models, stored as safetensors: its names and how its
// values lie, mapped to ours without loss.
//
// - The first convolution sees BGR of 0 to 255 less pixel_mean, divided by pixel_std; ours sees RGB
//   of 0 to 1, normalised. Channels are turned and weights scaled. A pixel_mean other than 255
//   times
//   ours is refused: it would change the padding. Files without the two tensors are taken to have
//   Detectron2's defaults, that mean and deviation 1.
// - Class channels: background last of all becomes first; where there is none (RetinaNet, boxes and
//   masks of the background), our channel 0 is one that never fires. 80 classes go to the places of
//   COCO's category ids where the model has 91.
// - Anchors of a cell: RetinaNet's are ordered by size first there, by ratio first here.
//
// A model computes the same from then on with these settings, which are not in the file:
// model.anchors=detectron2, backbone.stride_in_1x1=true for its MSRA models (taken for granted when
// the file does not say), roi.aligned=true, roi.sampling_ratio=0, mask.paste=grid,
// retinanet.p6_from_c5=true, retinanet.max_detections=100. What remains different is the resizing
// of images: Pillow's filter there, torchvision's here.
#ifndef TARN_DETECT_DETECTRON2_NAMES_H
#define TARN_DETECT_DETECTRON2_NAMES_H

#include "detect/detector.h"
#include "nn/safetensors.h"

#ifdef __cplusplus
extern "C" {
#endif

enum detectron2_change {
    DETECTRON2_SAME,
    DETECTRON2_STEM,           // the first convolution
    DETECTRON2_CLASSES,        // rows: classes, then the background
    DETECTRON2_CLASS_BOXES,    // rows: four for each class, or four
    DETECTRON2_CLASS_MASKS,    // rows: classes, or one
    DETECTRON2_ANCHOR_CLASSES, // rows: size, ratio, class
    DETECTRON2_ANCHOR_BOXES,   // rows: size, ratio, coordinate
};

// Whether a file has Detectron2's names: its batch norms stand under their convolutions.
bool detectron2_is_file(const struct st_file *file);

// Whether its bottlenecks are Detectron2's; R18 and R34 have none.
bool detectron2_has_bottlenecks(const struct st_file *file);

// "backbone.bottom_up.res2.0.conv1.norm.weight", or without "backbone.bottom_up." ->
// "backbone.body.layer1.0.bn1.weight". False, with nothing written, for names of other things.
bool detectron2_name(enum detector_type type, const char *theirs, char *name, size_t n_bytes,
                     enum detectron2_change *change);

// Whether n_file rows of the file (first axis) can become n rows of ours.
bool detectron2_rows_fit(enum detectron2_change change, int64_t n_file, int64_t n);

// from: the tensor as the file has it; to: n_rows rows as ours has it. is_bias: of one number a
// row. ERR_DATA for pixel_mean or pixel_std that cannot be mapped.
enum status detectron2_convert(enum detectron2_change change, const struct st_file *file,
                               const struct st_tensor *tensor, const float *from, bool is_bias,
                               int64_t n_rows, float *to) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
