// Weights from safetensors files into a detector, complete or in part.
#ifndef TARN_DETECT_LOAD_WEIGHTS_H
#define TARN_DETECT_LOAD_WEIGHTS_H

#include "detect/detector.h"

#ifdef __cplusplus
extern "C" {
#endif

// What a file says about how its weights want to be used. Read before the model is created.
struct weights_info {
    char arch[32]; // "resnet50"; "" when the file does not say
    bool has_stride_in_1x1, stride_in_1x1;
    bool has_bn_eps;
    double bn_eps;
};

// Reads the metadata arch, stride_in_1x1 ("true" or "false") and bn_eps (a number >= 0). Files with
// Detectron2's names and bottlenecks that say nothing of the stride have it in the first 1x1.
// ERR_DATA: a value that is neither; and st_open's errors.
enum status weights_peek(const char *path, struct weights_info *info) MUST_USE;

struct name_list {
    char **names;
    size_t n, capacity;
};

struct load_report {
    struct name_list loaded;        // parameters and buffers of the model
    struct name_list missing;       // not in the file: keep their fresh values
    struct name_list reinitialised; // class count differs: keep their fresh values
    struct name_list unused;        // tensors of the file that the model has no place for
    bool is_detectron2;             // its names, see detect/detectron2_names.h
    int n_calmed;                   // residual branches that were scaled down, see below
};

struct load_options {
    // Fine-tuning on other classes: prediction tensors that differ in their first axis keep their
    // fresh values instead of being an error.
    bool allow_class_change;
};

// Names: torchvision's of today, torchvision's before 0.13 (mapped), a classifier's bare names
// (conv1.weight -> backbone.body.conv1.weight), or Detectron2's. num_batches_tracked is skipped
// silently. Every shape and value is checked before the first parameter changes. ERR_DATA names
// tensor, file and both shapes, or the tensor with a value that is not finite, or two names of one
// parameter; ERR_DATA also when nothing fits. When a backbone with frozen batch norm was loaded in
// part, fresh residual branches are scaled by 0.1 (resnet_calm_fresh_branches). Ends with
// detector_refresh. *report is valid only on success; release it with load_report_free.
enum status load_weights(struct detector *detector, const char *path,
                         const struct load_options *options, struct load_report *report) MUST_USE;
void load_report_free(struct load_report *report);

#ifdef __cplusplus
}
#endif
#endif
