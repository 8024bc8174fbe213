// Argument checks shared by nn/op_*.c; not for use outside nn/.
#ifndef TARN_NN_CHECK_H
#define TARN_NN_CHECK_H

#include "nn/tape.h"
#include "nn/window.h"

#ifdef __cplusplus
extern "C" {
#endif

enum status check_rank(const char *op, const char *what, const struct tensor *t, int rank) MUST_USE;

// Refuses what is neither f32 nor, where the tape's backend has bf16, bf16.
enum status check_activation(const struct tape *tape, const char *op, const char *what,
                             const struct tensor *t) MUST_USE;
enum status check_f32(const char *op, const char *what, const struct tensor *t) MUST_USE;

// t (may be NULL) must hold exactly n elements.
enum status check_length(const char *op, const char *what, const struct tensor *t,
                         int64_t n) MUST_USE;

enum status check_same(const char *op, const char *what_a, const struct tensor *a,
                       const char *what_b, const struct tensor *b) MUST_USE;

// The shape of what windows make of x (N,H,W,C); kernel 0 becomes the whole map, at stride 1.
// ERR_USAGE where no window fits, or padding would make windows without any element.
// Of one shape and one type.
enum status check_same_type(const char *op, const char *what_a, const struct tensor *a,
                            const char *what_b, const struct tensor *b) MUST_USE;

enum status check_window(const char *op, const struct tensor *x, struct window *window,
                         int64_t shape[4]) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
