// A small set in memory with one error of each kind, and whatever else a test gives as JSON.
#ifndef TARN_TESTS_EVAL_REPORT_SET_H
#define TARN_TESTS_EVAL_REPORT_SET_H

#include "eval/evaluation.h"
#include "eval/overlaps.h"

struct report_set {
    struct eval_truth *truth;
    struct eval_results results;
    struct evaluation evaluation;
    struct overlaps overlaps;
};

// Members of a truth file and a results array as JSON; `name` makes the files' names unique.
void report_set_make(const char *name, const char *truth, const char *results, enum eval_type type,
                     struct report_set *set);
void report_set_free(struct report_set *set);

// Seven objects of the categories A (1) and B (2) in image 1, each box 100 x 100:
//   g0 A 0,0   g1 A 200,0   g2 A 600,0   g3 A 0,300   g4 B 400,0   g5 B 800,0   g6 B 200,300
// and eight detections, by score:
//   0.9 A on g0            correct
//   0.8 A on g0            duplicate
//   0.7 A beside g1        localisation, IoU 1/3
//   0.6 A on g4            classification
//   0.5 B beside g2        both, IoU 1/3
//   0.4 A on nothing       background
//   0.3 A on g3            correct
//   0.2 B on g6            correct
extern const char report_truth[], report_results[];

#endif
