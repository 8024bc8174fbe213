// The options of `tarn eval`, and what they mean for reading and evaluation.
#ifndef TARN_CLI_EVAL_OPTIONS_H
#define TARN_CLI_EVAL_OPTIONS_H

#include "cli/command.h"
#include "eval/params.h"

#ifdef __cplusplus
extern "C" {
#endif

struct eval_options {
    char annotations[FIELD_STRING_BYTES], results[FIELD_STRING_BYTES];
    char checkpoint[FIELD_STRING_BYTES], config[FIELD_STRING_BYTES], images[FIELD_STRING_BYTES];
    char save_results[FIELD_STRING_BYTES], json[FIELD_STRING_BYTES], tensors[FIELD_STRING_BYTES];
    char charts[FIELD_STRING_BYTES];
    char report[FIELD_STRING_BYTES], areas[FIELD_STRING_BYTES], device[DEVICE_BYTES];
    int type, area_from; // indices of choices
    bool per_class, class_agnostic, honor_ignore, fix_id0, derive_area, area_from_box;
    bool pycocotools_dups, skip_unknown_images, strict;
    int64_t max_per_image;
    struct field_floats iou;
    struct field_ints max_detections;
};

extern const struct field eval_option_fields[];

void eval_options_reading(const struct eval_options *options, struct eval_reading *reading);

// ERR_USAGE for area ranges that are not "label:low:high,...", and what eval_params_check refuses.
enum status eval_options_params(const struct eval_options *options,
                                struct eval_params *params) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
