// Argument checks shared by nn/op_*.c; not for use outside nn/.
#ifndef TARN_NN_CHECK_H
#define TARN_NN_CHECK_H

#include "nn/tape.h"

#ifdef __cplusplus
extern "C" {
#endif

enum status check_rank(const char *op, const char *what, const struct tensor *t, int rank) MUST_USE;

// t (may be NULL) must hold exactly n elements.
enum status check_length(const char *op, const char *what, const struct tensor *t,
                         int64_t n) MUST_USE;

enum status check_same(const char *op, const char *what_a, const struct tensor *a,
                       const char *what_b, const struct tensor *b) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
