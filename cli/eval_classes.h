// `tarn eval` of a classifier.
#ifndef TARN_CLI_EVAL_CLASSES_H
#define TARN_CLI_EVAL_CLASSES_H

#include "cli/eval_options.h"

#ifdef __cplusplus
extern "C" {
#endif

// Whether the options' checkpoint (or --config, where given) is a classifier's.
enum status eval_classes_apply(const struct eval_options *options, bool *apply) MUST_USE;

// Accuracy on the given images, or on the validation images of the checkpoint's config. ERR_USAGE
// for options that only detectors have; ERR_DATA, after the numbers, when images could not be read.
enum status eval_classes(const struct eval_options *options,
                         const struct arguments *arguments) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
