#include "detect/anchor_levels.h"

#include "base/mem.h"

void anchor_levels_free(struct anchor_levels *levels)
{
    mem_free(levels->host);
}

void level_outputs_place(const struct anchor_levels *levels, struct level_outputs *out)
{
    out->n_anchors = 0;
    for (int i = 0; i < ANCHOR_LEVELS; i++) {
        const int64_t *shape = out->deltas[i]->shape;
        out->offsets[i] = out->n_anchors;
        out->n_anchors += shape[1] * shape[2] * levels->per_cell;
    }
}

void level_outputs_drop(struct tape *tape, const struct level_outputs *out)
{
    for (int i = 0; i < ANCHOR_LEVELS; i++) {
        tape_drop(tape, out->logits[i]);
        tape_drop(tape, out->deltas[i]);
    }
}

enum status anchor_levels_upload(struct anchor_levels *levels, struct tape *tape, int height,
                                 int width, const struct level_outputs *out,
                                 struct tensor **anchors)
{
    TRY(mem_reserve(&levels->host, &levels->capacity, (size_t)out->n_anchors * 4,
                    sizeof *levels->host));
    for (int i = 0; i < ANCHOR_LEVELS; i++)
        anchors_grid(levels->base[i], levels->per_cell, height, width,
                     (int)out->deltas[i]->shape[1], (int)out->deltas[i]->shape[2],
                     levels->host + out->offsets[i] * 4);
    int64_t shape[2] = {out->n_anchors, 4};
    return tape_upload(tape, DTYPE_F32, 2, shape, levels->host, anchors);
}
