#include "nn/check.h"
#include "nn/ops_rcnn.h"

// A list of n rows: its rois and the image of each.
static enum status check_rois(const char *op, const struct tensor *rois,
                              const struct tensor *roi_image, const struct tensor *count)
{
    TRY(check_rank(op, "rois", rois, 2));
    TRY(check_length(op, "rois", rois, 4 * rois->shape[0]));
    TRY(check_length(op, "roi_image", roi_image, rois->shape[0]));
    return check_length(op, "count", count, 1);
}

static enum status check_maps(struct tensor *const *maps, const struct roi_align_args *args)
{
    char text[TENSOR_TEXT_BYTES], text_first[TENSOR_TEXT_BYTES];
    if (args->n_levels < 1 || args->n_levels > ROI_MAX_LEVELS)
        return fail(ERR_USAGE, "roi_align: %d levels, expected 1 to %d", args->n_levels,
                    ROI_MAX_LEVELS);
    if (args->size < 1 || args->size > ROI_MAX_SIZE || args->sampling_ratio < 0)
        return fail(ERR_USAGE, "roi_align: size %d (1 to %d), sampling ratio %d (0 or more)",
                    args->size, ROI_MAX_SIZE, args->sampling_ratio);
    for (int i = 0; i < args->n_levels; i++) {
        TRY(check_rank("roi_align", "map", maps[i], 4));
        if (!(args->scales[i] > 0.0f))
            return fail(ERR_USAGE, "roi_align: scale %g of level %d", (double)args->scales[i], i);
        if (maps[i]->shape[0] != maps[0]->shape[0] || maps[i]->shape[3] != maps[0]->shape[3])
            return fail(ERR_USAGE, "roi_align: maps are %s and %s",
                        tensor_text(maps[0], text_first), tensor_text(maps[i], text));
    }
    return OK;
}

enum status roi_align(struct tape *tape, struct tensor *rois, struct tensor *roi_image,
                      struct tensor *count, struct tensor *select, struct tensor *const *maps,
                      const struct roi_align_args *args, struct tensor **y)
{
    TRY(check_rois("roi_align", rois, roi_image, count));
    TRY(check_maps(maps, args));
    if (select) TRY(check_rank("roi_align", "select", select, 1));
    int64_t n = select ? select->shape[0] : rois->shape[0];
    int64_t shape[4] = {n, args->size, args->size, maps[0]->shape[3]};
    struct tensor *out;
    struct tensor *in[4 + ROI_MAX_LEVELS] = {rois, roi_image, count, select};
    for (int i = 0; i < args->n_levels; i++) in[4 + i] = maps[i];
    TRY(tape_tensor(tape, DTYPE_F32, 4, shape, &out));
    out->valid = count;
    TRY(tape_run(tape, OP_roi_align, args, sizeof *args, 4 + args->n_levels, in, 1, &out));
    *y = out;
    return OK;
}
