// Random evaluation problems, written as files and read back.
#ifndef TARN_TESTS_EVAL_PROBLEM_H
#define TARN_TESTS_EVAL_PROBLEM_H

#include "eval/evaluation.h"
#include "reference.h"

// Small sets full of ties: crowds, repeated and quantised boxes, areas on the limits, classes
// without objects or detections, equal scores.
void problem_make(uint32_t seed, struct ref_problem *problem);

// Annotations in shuffled member order; free both after use.
void problem_load(const struct ref_problem *problem, const char *name, struct eval_truth **truth,
                  struct eval_detection **detections);

// All tensors equal to the last bit.
void expect_tensors(const struct eval_tensors *tensors, const struct ref_problem *problem,
                    const struct ref_tensors *expected, const char *what);

#endif
