#include "cpu/match_anchors_hot.h"

#include <stdbool.h>
#include <stddef.h>

#include "cpu/vec_math.h"
#include "nn/box_iou.h"
#include "nn/ops.h"

// Coordinates apart, so that consecutive anchors fill a vector; and the box around them all.
struct block {
    float x1[MATCH_BLOCK], y1[MATCH_BLOCK], x2[MATCH_BLOCK], y2[MATCH_BLOCK], area[MATCH_BLOCK];
    float bound_x1, bound_y1, bound_x2, bound_y2;
};

static void block_load(struct block *block, const float *anchors, int n)
{
    float left = INFINITY, top = INFINITY, right = -INFINITY, bottom = -INFINITY;
    for (int i = 0; i < n; i++) {
        const float *a = anchors + (ptrdiff_t)4 * i;
        block->x1[i] = a[0];
        block->y1[i] = a[1];
        block->x2[i] = a[2];
        block->y2[i] = a[3];
        block->area[i] = box_area(a);
        left = a[0] < left ? a[0] : left;
        top = a[1] < top ? a[1] : top;
        right = a[2] > right ? a[2] : right;
        bottom = a[3] > bottom ? a[3] : bottom;
    }
    block->bound_x1 = left;
    block->bound_y1 = top;
    block->bound_x2 = right;
    block->bound_y2 = bottom;
}

// Anchors lie in the order of the image's rows, so that most blocks meet few objects. IoU with the
// others is exactly 0, which changes neither a maximum nor who holds it.
static bool block_meets(const struct block *block, const float *object)
{
    return object[0] < block->bound_x2 && object[2] > block->bound_x1 &&
           object[1] < block->bound_y2 && object[3] > block->bound_y1;
}

VEC_INLINE float iou_at(const struct block *block, int i, const float *object, float object_area)
{
    const float anchor[4] = {block->x1[i], block->y1[i], block->x2[i], block->y2[i]};
    return box_iou(anchor, block->area[i], object, object_area);
}

void ISA_NAME(match_object_best)(const float *anchors, int n, const float *objects, int n_objects,
                                 float *gt_best)
{
    struct block block;
    block_load(&block, anchors, n);
    for (int g = 0; g < n_objects; g++) {
        const float *object = objects + (ptrdiff_t)4 * g;
        if (!block_meets(&block, object)) continue;
        float area = box_area(object), best = gt_best[g];
#pragma omp simd reduction(max : best)
        for (int i = 0; i < n; i++) {
            float iou = iou_at(&block, i, object, area);
            best = iou > best ? iou : best;
        }
        gt_best[g] = best;
    }
}

int32_t ISA_NAME(match_assign)(const float *anchors, int n, const float *objects, int n_objects,
                               const float *claim, float high, float low, int32_t *match)
{
    struct block block;
    float best[MATCH_BLOCK];
    int32_t arg[MATCH_BLOCK], claimed[MATCH_BLOCK];
    block_load(&block, anchors, n);
    for (int i = 0; i < n; i++) {
        best[i] = n_objects > 0 ? 0.0f : -1.0f;
        arg[i] = claimed[i] = 0;
    }
    for (int g = 0; g < n_objects; g++) {
        const float *object = objects + (ptrdiff_t)4 * g;
        if (!block_meets(&block, object)) continue;
        float area = box_area(object), wanted = claim ? claim[g] : -1.0f;
#pragma omp simd
        for (int i = 0; i < n; i++) {
            float iou = iou_at(&block, i, object, area);
            arg[i] = iou > best[i] ? g : arg[i];
            best[i] = iou > best[i] ? iou : best[i];
            claimed[i] |= iou == wanted;
        }
    }
    int32_t positives = 0;
    for (int i = 0; i < n; i++) {
        bool is_match = n_objects > 0 && (best[i] >= high || claimed[i]);
        match[i] = is_match ? arg[i] : best[i] < low ? MATCH_NONE : MATCH_IGNORED;
        positives += is_match;
    }
    return positives;
}
