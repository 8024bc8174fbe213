#include <stdlib.h>

#include "base/mem.h"
#include "eval/oddity.h"
#include "eval/order.h"
#include "eval/truth_read.h"

struct numbered_id {
    int64_t id;
    size_t index;
};

static int by_numbered_id(const void *a, const void *b)
{
    const struct numbered_id *x = a, *y = b;
    if (x->id != y->id) return x->id < y->id ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

// What annotations lack; *is_ascending: no id occurs twice for sure.
static enum status check_members(const struct eval_truth *truth, const struct eval_reading *reading,
                                 bool *is_ascending)
{
    size_t n = truth->n_objects, n_zero = 0, n_no_crowd = 0;
    *is_ascending = true;
    for (size_t i = 0; i < n; i++) {
        n_zero += truth->objects[i].id == 0;
        n_no_crowd += truth->objects[i].lacks_crowd;
        if (i > 0 && truth->objects[i].id <= truth->objects[i - 1].id) *is_ascending = false;
    }
    if (n_zero && !reading->count_id0)
        TRY(oddity_warn(reading->is_strict,
                        "%s: an annotation has the id 0. As in pycocotools, such an object is "
                        "never found: a detection that matches it is a false positive. Number "
                        "annotations from 1, or have it counted with --fix-id0",
                        truth->path));
    if (n_no_crowd)
        TRY(oddity_note(reading->is_strict,
                        "%s: %zu annotations have no \"iscrowd\" and count as single objects",
                        truth->path, n_no_crowd));
    return OK;
}

static size_t last_of_id(const struct numbered_id *ids, size_t n, int64_t id)
{
    size_t low = 0, high = n; // the first behind those of the id
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ids[middle].id <= id)
            low = middle + 1;
        else
            high = middle;
    }
    return ids[low - 1].index;
}

// pycocotools lists annotations image by image and then looks each up by its id, which finds the
// last one that has it, in whatever image that is.
static enum status repeat_last(struct eval_truth *truth, const struct numbered_id *ids,
                               bool any_category)
{
    size_t total = truth->n_objects, n = 0, last_image = 0, last_category = 0;
    uint32_t *images = mem_alloc(total, sizeof *images), *zeros = mem_alloc(total, sizeof *zeros);
    uint32_t *indices = mem_alloc(total, sizeof *indices), *order = NULL;
    struct truth_object *repeated = mem_alloc(total, sizeof *repeated);
    enum status status = OK;
    if (!images || !zeros || !indices || !repeated) {
        status = ERR_MEMORY;
        goto done;
    }
    for (size_t i = 0; i < total; i++) {
        const struct truth_object *object = &truth->objects[i];
        int64_t image = truth_find_image(truth, object->image_id, &last_image);
        if (image == TRUTH_NONE) continue;
        if (!any_category &&
            truth_find_category(truth, object->category_id, &last_category) == TRUTH_NONE)
            continue;
        images[n] = (uint32_t)image;
        indices[n++] = (uint32_t)i;
    }
    GUARD(order_by_cell(images, zeros, n, truth->n_images, 1, &order));
    for (size_t i = 0; i < n; i++)
        repeated[i] = truth->objects[last_of_id(ids, total, truth->objects[indices[order[i]]].id)];
    struct truth_object *given = truth->objects;
    truth->objects = repeated;
    truth->n_objects = n;
    repeated = given;
done:
    mem_free(images);
    mem_free(zeros);
    mem_free(indices);
    mem_free(order);
    mem_free(repeated);
    return status;
}

enum status truth_check_ids(struct eval_truth *truth, const struct eval_reading *reading)
{
    size_t n = truth->n_objects, n_repeated = 0;
    bool is_ascending;
    enum status status = OK;
    TRY(check_members(truth, reading, &is_ascending));
    if (is_ascending) return OK;
    struct numbered_id *ids = mem_alloc(n, sizeof *ids);
    if (!ids) return ERR_MEMORY;
    for (size_t i = 0; i < n; i++) ids[i] = (struct numbered_id){truth->objects[i].id, i};
    qsort(ids, n, sizeof *ids, by_numbered_id);
    for (size_t i = 1; i < n; i++) {
        if (ids[i].id != ids[i - 1].id) continue;
        n_repeated++;
        if (reading->repeat_last) continue;
        status = fail(ERR_DATA,
                      "%s: annotations[%zu] has the id %lld of annotations[%zu]; with "
                      "--pycocotools-dups the last of them stands for each",
                      truth->path, ids[i].index, (long long)ids[i].id, ids[i - 1].index);
        goto done;
    }
    if (n_repeated) {
        GUARD(oddity_warn(reading->is_strict,
                          "%s: %zu annotations repeat an id; the last one stands for each",
                          truth->path, n_repeated));
        GUARD(repeat_last(truth, ids, reading->any_category));
    }
done:
    mem_free(ids);
    return status;
}
