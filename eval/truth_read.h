// From an annotation file to the unsorted arrays of struct eval_truth.
#ifndef TARN_EVAL_TRUTH_READ_H
#define TARN_EVAL_TRUTH_READ_H

#include "eval/truth.h"

#ifdef __cplusplus
extern "C" {
#endif

// Fills image_ids, categories and objects in file order (indices unset). truth->path is set. What
// was read stays in truth on failure, to be destroyed.
enum status truth_read(struct eval_truth *truth, int n_threads) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
