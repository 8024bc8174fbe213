// Anchors of all levels of a pyramid, and the outputs of a head that has predictions for each.
#ifndef TARN_DETECT_ANCHOR_LEVELS_H
#define TARN_DETECT_ANCHOR_LEVELS_H

#include "detect/anchors.h"
#include "nn/tape.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { ANCHOR_LEVELS = 5 };

struct anchor_levels {
    int per_cell;
    int finest_stride; // exact anchors: twice that on each next level; 0: torchvision's
    float base[ANCHOR_LEVELS][ANCHORS_MAX_BASE][4];
    float *host; // of the last size seen: an upload may read it later
    size_t capacity;
};

// A head's outputs, fine to coarse: logits (N,H,W,per_cell*K), deltas (N,H,W,per_cell*4).
struct level_outputs {
    struct tensor *logits[ANCHOR_LEVELS], *deltas[ANCHOR_LEVELS];
    int64_t offsets[ANCHOR_LEVELS]; // first anchor
    int64_t n_anchors;
};

void anchor_levels_free(struct anchor_levels *levels);

// Base boxes of torchvision's ratios 0.5, 1 and 2 from n_sizes sizes a level; exact: as Detectron2
// has them, else sizes and boxes are cut and rounded to whole pixels, as torchvision does.
void anchor_levels_init(struct anchor_levels *levels, int n_sizes, double (*sizes)[3],
                        bool exact, int finest_stride);

// Sets offsets and n_anchors from the shapes of deltas.
void level_outputs_place(const struct anchor_levels *levels, struct level_outputs *out);
void level_outputs_drop(struct tape *tape, const struct level_outputs *out);

// anchors (n_anchors,4) for a padded batch of this height and width.
enum status anchor_levels_upload(struct anchor_levels *levels, struct tape *tape, int height,
                                 int width, const struct level_outputs *out,
                                 struct tensor **anchors) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
