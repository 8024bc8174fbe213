#include "detect/anchor_levels.h"

#include "base/mem.h"

enum { N_RATIOS = 3 };

void anchor_levels_init(struct anchor_levels *levels, int n_sizes, double (*sizes)[3],
                        bool exact, int finest_stride)
{
    static const float ratios[N_RATIOS] = {0.5f, 1.0f, 2.0f};
    static const double exact_ratios[N_RATIOS] = {0.5, 1, 2};
    levels->finest_stride = exact ? finest_stride : 0;
    for (int i = 0; i < ANCHOR_LEVELS; i++) {
        int whole[3];
        for (int k = 0; k < n_sizes; k++) whole[k] = (int)sizes[i][k];
        levels->per_cell =
            exact ? anchors_base_exact(sizes[i], n_sizes, exact_ratios, N_RATIOS, levels->base[i])
                  : anchors_base(whole, n_sizes, ratios, N_RATIOS, levels->base[i]);
    }
}

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
    for (int i = 0; i < ANCHOR_LEVELS; i++) {
        int grid_h = (int)out->deltas[i]->shape[1], grid_w = (int)out->deltas[i]->shape[2];
        float *to = levels->host + out->offsets[i] * 4;
        if (levels->finest_stride)
            anchors_grid_strided(levels->base[i], levels->per_cell, levels->finest_stride << i,
                                 grid_h, grid_w, to);
        else
            anchors_grid(levels->base[i], levels->per_cell, height, width, grid_h, grid_w, to);
    }
    int64_t shape[2] = {out->n_anchors, 4};
    return tape_upload(tape, DTYPE_F32, 2, shape, levels->host, anchors);
}
