// From an annotation file to the arrays of struct eval_truth.
#ifndef TARN_EVAL_TRUTH_READ_H
#define TARN_EVAL_TRUTH_READ_H

#include "eval/truth.h"

#ifdef __cplusplus
extern "C" {
#endif

// Fills images, categories and objects in file order (indices unset). truth->path and type are set;
// map is the file. What was read stays in truth on failure, to be destroyed.
enum status truth_read(struct eval_truth *truth, const struct file_map *map,
                       int n_threads) MUST_USE;

// Decodes the masks of all objects, whose text still lies in map; their boxes become the masks'.
enum status truth_decode_masks(struct eval_truth *truth, const struct file_map *map,
                               int n_threads) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
