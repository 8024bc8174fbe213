// McNemar's test: do two classifiers differ in how often they are right on the same images?
// (McNemar, Psychometrika 12, 1947; Edwards, Psychometrika 13, 1948: the correction.)
#ifndef TARN_EVAL_MCNEMAR_H
#define TARN_EVAL_MCNEMAR_H

#include <stdint.h>

#include "eval/class_results.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mcnemar {
    int64_t both, only_a, only_b, neither; // images that are right
    // With b = only_a and c = only_b, one degree of freedom: (b - c)^2 / (b + c), and with Edwards'
    // correction (|b - c| - 1)^2 / (b + c), at least 0. Both 0 where b + c = 0.
    double chi2, chi2_p, corrected, corrected_p;
    double exact_p; // two-sided binomial: twice the probability of min(b, c) or fewer of b + c
};

void mcnemar_test(int64_t both, int64_t only_a, int64_t only_b, int64_t neither,
                  struct mcnemar *test);

// Of top-1 on images of one id. ERR_DATA names the image: in one of the two alone, other labels,
// none; or classes that are not the same.
enum status mcnemar_compare(const struct class_results *a, const char *name_a,
                            const struct class_results *b, const char *name_b,
                            struct mcnemar *test) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
