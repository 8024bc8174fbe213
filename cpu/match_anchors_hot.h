// IoU of a block of anchors with all objects of an image, without storing it.
#ifndef TARN_CPU_MATCH_ANCHORS_HOT_H
#define TARN_CPU_MATCH_ANCHORS_HOT_H

#include <stdint.h>

#include "cpu/isa.h"

enum { MATCH_BLOCK = 256 };

// gt_best[g] = max(gt_best[g], IoU of object g with each of the n <= MATCH_BLOCK anchors).
ISA_DECLARE(void, match_object_best,
            (const float *anchors, int n, const float *objects, int n_objects, float *gt_best));

// match[i]: index of the object with the highest IoU (the first on ties) if it is >= high, or if
// the anchor's IoU with any object equals that object's claim[g]; else MATCH_IGNORED if it is
// >= low, else MATCH_NONE. claim may be NULL; entries < 0 claim nothing. Returns the positives.
ISA_DECLARE(int32_t, match_assign,
            (const float *anchors, int n, const float *objects, int n_objects, const float *claim,
             float high, float low, int32_t *match));

#endif
