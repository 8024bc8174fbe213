// The 12 numbers, from the tensors.
#ifndef TARN_EVAL_SUMMARIZE_H
#define TARN_EVAL_SUMMARIZE_H

#include "eval/accumulate.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ALL_CATEGORIES ((size_t)-1)

// Means over thresholds, recalls and categories (or of one category alone); -1 where there is
// nothing to average. AP is taken at 100 detections, or at the largest limit when 100 is none of
// them; AR1 and AR10 at the first two limits; the others at the third, or the last there is.
enum status summarize(const struct eval_tensors *tensors, const struct eval_params *params,
                      size_t category, double stats[COCO_STATS]) MUST_USE;

// The lines to print: AP; AP at 0.5 and at 0.75 where they are among the thresholds; AP in the
// other areas; AR at each limit; AR in the other areas. "all", or the first area, is the main one.
enum status summarize_lines(const struct eval_tensors *tensors, const struct eval_params *params,
                            struct eval_line lines[EVAL_MAX_LINES], size_t *n_lines) MUST_USE;

// The mean as numpy computes it up to 2.2, with which the published numbers were made: sums of 8192
// elements, each pairwise, added from the left. (numpy 2.4 sums the whole pairwise: now and then
// the last bit of a mean of more than 8192 differs; the tensors do not.)
double summarize_mean(const double *values, size_t n);

#ifdef __cplusplus
}
#endif
#endif
