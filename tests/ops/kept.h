// What nms might have kept, for the cases of operations that gather it.
#ifndef TARN_TESTS_OPS_KEPT_H
#define TARN_TESTS_OPS_KEPT_H

#include <stdint.h>

// keep (n, max_keep) of n_slots slots and n_keep (n): image i keeps what is between none and all
// of max_keep; the rest is -1. Either may be NULL.
void draw_kept(int32_t *keep, int32_t *n_keep, int64_t n, int64_t max_keep, int64_t n_slots);

#endif
