// One result of a results file.
#ifndef TARN_EVAL_RESULT_READ_H
#define TARN_EVAL_RESULT_READ_H

#include "eval/coco_eval.h"
#include "eval/json_array.h"

#ifdef __cplusplus
extern "C" {
#endif

// struct array_format.read; context: struct eval_reading, element: struct eval_detection. The mask
// is kept as text where masks are evaluated, or measure areas, or stand for a missing box.
bool result_read(const void *context, void *element, struct json_cursor *cursor,
                 struct element_error *error);

#ifdef __cplusplus
}
#endif
#endif
