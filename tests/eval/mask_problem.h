// Random problems with masks, written as files and read back.
#ifndef TARN_TESTS_EVAL_MASK_PROBLEM_H
#define TARN_TESTS_EVAL_MASK_PROBLEM_H

#include "eval/evaluation.h"
#include "reference.h"

// Rectangles on a grid, discs, loose pixels, empty and full masks; crowds, repeated masks, areas on
// the limits, equal scores.
void mask_problem_make(uint32_t seed, struct ref_problem *problem);

// Masks are written as run lengths, as compressed run lengths, or with a bbox beside them.
void mask_problem_load(const struct ref_problem *problem, const char *name,
                       struct eval_truth **truth, struct eval_results *results);

#endif
