// From an annotation file to the arrays of struct eval_truth.
#ifndef TARN_EVAL_TRUTH_READ_H
#define TARN_EVAL_TRUTH_READ_H

#include "eval/json_array.h"
#include "eval/truth.h"

#ifdef __cplusplus
extern "C" {
#endif

// Fills images, categories and objects in file order (indices unset). truth->path and type are set;
// map is the file. What was read stays in truth on failure, to be destroyed.
enum status truth_read(struct eval_truth *truth, const struct file_map *map,
                       const struct eval_reading *reading, int n_threads) MUST_USE;

// One annotation (struct array_format.read); context: struct eval_reading.
bool truth_read_object(const void *context, void *element, struct json_cursor *cursor,
                       struct element_error *error);

// Looks at the ids of annotations and at what they lack. Before indices are set.
enum status truth_check_ids(struct eval_truth *truth, const struct eval_reading *reading) MUST_USE;

// Decodes the masks of all objects, whose text still lies in map; their boxes become the masks'.
// For boxes: only measures them.
enum status truth_decode_masks(struct eval_truth *truth, const struct file_map *map,
                               const struct eval_reading *reading, int n_threads) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
