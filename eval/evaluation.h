// The whole evaluation with its parts, for reports, tensor output and tests.
#ifndef TARN_EVAL_EVALUATION_H
#define TARN_EVAL_EVALUATION_H

#include "eval/accumulate.h"

#ifdef __cplusplus
extern "C" {
#endif

struct evaluation {
    struct eval_params params;
    struct cells cells;
    struct matches matches;
    struct eval_tensors tensors;
    struct eval_result result;
};

// Boxes or masks, by params->type. Errors as eval_boxes, and ERR_USAGE for bad parameters.
enum status evaluation_run(const struct eval_truth *truth, const struct eval_detection *detections,
                           size_t n, const struct eval_params *params,
                           struct evaluation *evaluation) MUST_USE;
// A safetensors file of "precision" and "scores" (T, R, K, A, M), "recall" (T, K, A, M), float64,
// and what their axes are: "iou_thresholds", "recall_thresholds", "category_ids" (one -1 when
// categories are not used), "area_ranges" (A, 2), "max_detections". Metadata: "type", "areas"
// (their labels, separated by commas).
enum status evaluation_save_tensors(const struct evaluation *evaluation, const char *path) MUST_USE;

void evaluation_free(struct evaluation *evaluation);

#ifdef __cplusplus
}
#endif
#endif
