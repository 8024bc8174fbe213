// The filter in front of the selection of detections.
#ifndef TARN_CPU_SELECT_DETECTIONS_HOT_H
#define TARN_CPU_SELECT_DETECTIONS_HOT_H

#include <stdint.h>

#include "cpu/isa.h"

enum { SELECT_BLOCK = 256 };

// Looks at blocks of SELECT_BLOCK from begin on: the start of the first one that holds a
// logit > cutoff; end (or more) if there is none.
ISA_DECLARE(int64_t, select_next_block,
            (const float *logits, int64_t begin, int64_t end, float cutoff));

#endif
