#include "eval/worst.h"

#include <stdlib.h>

#include "base/mem.h"

static int by_errors(const void *left, const void *right)
{
    const struct worst_image *a = left, *b = right;
    int64_t x = a->n_missed + a->n_false, y = b->n_missed + b->n_false;
    if (x != y) return x > y ? -1 : 1;
    if (a->n_found != b->n_found) return a->n_found < b->n_found ? -1 : 1;
    return a->image < b->image ? -1 : a->image > b->image;
}

enum status worst_choose(const struct eval_truth *truth, const struct cells *cells,
                         const struct overlaps *overlaps, const struct eval_params *params,
                         const struct tide *tide, double score, size_t limit,
                         struct worst_image **worst, size_t *n)
{
    size_t used = 0;
    struct worst_image *all = mem_alloc(overlaps->n_images, sizeof *all);
    if (!all) return ERR_MEMORY;
    for (size_t image = 0; image < overlaps->n_images; image++) {
        struct worst_image one = {.image = image};
        for (size_t g = overlaps->object_ends[image]; g < overlaps->object_ends[image + 1]; g++)
            one.n_missed += !assign_is_ignored(&truth->objects[g], params);
        for (size_t d = overlaps->detection_ends[image]; d < overlaps->detection_ends[image + 1];
             d++) {
            if (cells->detections[d].score < score) continue;
            one.n_found += tide->kinds[d] == TIDE_CORRECT;
            one.n_false += tide->kinds[d] < TIDE_KINDS;
        }
        one.n_missed -= one.n_found;
        if (one.n_missed + one.n_false > 0) all[used++] = one;
    }
    qsort(all, used, sizeof *all, by_errors);
    *worst = all;
    *n = used < limit ? used : limit;
    return OK;
}
