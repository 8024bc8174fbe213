// Members of annotations and results, read from text.
#ifndef TARN_EVAL_READ_H
#define TARN_EVAL_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "coco/mask.h"
#include "eval/json_array.h"

#ifdef __cplusplus
extern "C" {
#endif

// Each consumes one value; false with *error set: a wrong kind is ERR_DATA naming `member`, broken
// syntax ERR_PARSE.
bool read_id(struct json_cursor *cursor, const char *member, int64_t *id,
             struct element_error *error);
bool read_number(struct json_cursor *cursor, const char *member, double *value,
                 struct element_error *error); // finite
bool read_box(struct json_cursor *cursor, const char *member, double box[4],
              struct element_error *error);
// The same, or []: *is_empty.
bool read_box_or_none(struct json_cursor *cursor, const char *member, double box[4], bool *is_empty,
                      struct element_error *error);
bool read_flag(struct json_cursor *cursor, const char *member, bool *flag,
               struct element_error *error); // true, false, null or a number: 0 is false
// A decoded copy, mem_alloc.
bool read_string(struct json_cursor *cursor, const char *member, char **text,
                 struct element_error *error);
// A segmentation, not decoded.
bool read_mask(struct json_cursor *cursor, struct mask_text *mask, struct element_error *error);

#ifdef __cplusplus
}
#endif
#endif
