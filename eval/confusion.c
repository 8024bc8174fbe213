#include "eval/confusion.h"

#include <stdlib.h>

#include "base/mem.h"

void confusion_free(struct confusion *confusion)
{
    mem_free(confusion->entries);
    *confusion = (struct confusion){0};
}

static int by_categories(const void *left, const void *right)
{
    const struct confusion_entry *a = left, *b = right;
    if (a->truth != b->truth) return a->truth < b->truth ? -1 : 1;
    return a->predicted < b->predicted ? -1 : a->predicted > b->predicted;
}

// One entry an event, not yet added up.
static size_t list_events(const struct eval_truth *truth, const struct overlaps *overlaps,
                          const struct eval_params *params, const int64_t *assigned, bool *is_found,
                          struct confusion_entry *entries)
{
    size_t n = 0;
    for (size_t d = 0; d < overlaps->n_detections; d++) {
        struct confusion_entry entry = {CONFUSION_BACKGROUND, overlaps->categories[d], 1};
        if (assigned[d] < 0 && assigned[d] != ASSIGN_NONE) continue;
        if (assigned[d] >= 0) {
            is_found[assigned[d]] = true;
            entry.truth = assign_category(&truth->objects[assigned[d]], params);
        }
        entries[n++] = entry;
    }
    for (size_t g = 0; g < truth->n_objects; g++)
        if (!is_found[g] && !assign_is_ignored(&truth->objects[g], params))
            entries[n++] = (struct confusion_entry){assign_category(&truth->objects[g], params),
                                                    CONFUSION_BACKGROUND, 1};
    return n;
}

enum status confusion_make(const struct eval_truth *truth, const struct cells *cells,
                           const struct overlaps *overlaps, const struct eval_params *params,
                           double iou, double score, struct confusion *out)
{
    struct confusion confusion = {.iou = iou, .score = score};
    const struct assign_rule rule = {iou, score, SIZE_MAX, false};
    enum status status = OK;
    int64_t *assigned = mem_alloc(cells->n_detections, sizeof *assigned);
    bool *is_found = mem_alloc(truth->n_objects, sizeof *is_found);
    confusion.entries =
        mem_alloc(cells->n_detections + truth->n_objects, sizeof *confusion.entries);
    if (!assigned || !is_found || !confusion.entries) {
        status = ERR_MEMORY;
        goto done;
    }
    GUARD(assign_objects(truth, cells, overlaps, params, &rule, assigned));
    size_t n = list_events(truth, overlaps, params, assigned, is_found, confusion.entries);
    qsort(confusion.entries, n, sizeof *confusion.entries, by_categories);
    for (size_t i = 0; i < n; i++) {
        struct confusion_entry *last = confusion.n ? &confusion.entries[confusion.n - 1] : NULL;
        if (last && by_categories(last, &confusion.entries[i]) == 0)
            last->count++;
        else
            confusion.entries[confusion.n++] = confusion.entries[i];
    }
    *out = confusion;
    confusion = (struct confusion){0};
done:
    mem_free(assigned);
    mem_free(is_found);
    confusion_free(&confusion);
    return status;
}
