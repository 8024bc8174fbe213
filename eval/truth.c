#include "eval/truth.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "eval/order.h"
#include "eval/truth_read.h"

void eval_truth_destroy(struct eval_truth *truth)
{
    if (!truth) return;
    for (size_t i = 0; i < truth->n_categories; i++) mem_free(truth->categories[i].name);
    mem_free(truth->categories);
    for (size_t i = 0; i < truth->n_objects; i++) rle_free(&truth->objects[i].rle);
    mem_free(truth->images);
    mem_free(truth->objects);
    mem_free(truth->path);
    mem_free(truth);
}

static int64_t find(const void *ids, size_t stride, size_t n, int64_t id, size_t *last)
{
    const char *base = ids;
    size_t low = 0, high = n;
#define ID_AT(i) (*(const int64_t *)(const void *)(base + (i)*stride))
    if (*last < n && ID_AT(*last) == id) return (int64_t)*last;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ID_AT(middle) < id)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == n || ID_AT(low) != id) return TRUTH_NONE;
#undef ID_AT
    *last = low;
    return (int64_t)low;
}

int64_t truth_find_image(const struct eval_truth *truth, int64_t id, size_t *last)
{
    // The id is the first member, of categories too.
    return find(truth->images, sizeof *truth->images, truth->n_images, id, last);
}

int64_t truth_find_category(const struct eval_truth *truth, int64_t id, size_t *last)
{
    return find(truth->categories, sizeof *truth->categories, truth->n_categories, id, last);
}

struct numbered_image {
    struct truth_image image;
    size_t order;
};

static int by_image_id(const void *a, const void *b)
{
    const struct numbered_image *x = a, *y = b;
    if (x->image.id != y->image.id) return x->image.id < y->image.id ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static enum status sort_images(struct eval_truth *truth)
{
    size_t total = truth->n_images, n = 0;
    struct numbered_image *numbered = mem_alloc(total, sizeof *numbered);
    if (!numbered) return ERR_MEMORY;
    for (size_t i = 0; i < total; i++) numbered[i] = (struct numbered_image){truth->images[i], i};
    qsort(numbered, total, sizeof *numbered, by_image_id);
    for (size_t i = 0; i < total; i++) {
        if (n > 0 && truth->images[n - 1].id == numbered[i].image.id) n--;
        truth->images[n++] = numbered[i].image;
    }
    if (n < total)
        log_warn("%s: %zu image entries repeat an id; the last one counts", truth->path, total - n);
    truth->n_images = n;
    mem_free(numbered);
    return OK;
}

// Categories in file order carry their position in `order`, so that the last of a repeated id wins.
struct numbered_category {
    struct truth_category category;
    size_t order;
};

static int by_category_id(const void *a, const void *b)
{
    const struct numbered_category *x = a, *y = b;
    if (x->category.id != y->category.id) return x->category.id < y->category.id ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static enum status sort_categories(struct eval_truth *truth)
{
    size_t total = truth->n_categories, n = 0;
    struct numbered_category *numbered = mem_alloc(total, sizeof *numbered);
    if (!numbered) return ERR_MEMORY;
    for (size_t i = 0; i < total; i++)
        numbered[i] = (struct numbered_category){truth->categories[i], i};
    qsort(numbered, total, sizeof *numbered, by_category_id);
    for (size_t i = 0; i < total; i++) {
        if (n > 0 && truth->categories[n - 1].id == numbered[i].category.id)
            mem_free(truth->categories[--n].name);
        truth->categories[n++] = numbered[i].category;
    }
    if (n < total)
        log_warn("%s: %zu categories repeat an id; the last one counts", truth->path, total - n);
    truth->n_categories = n;
    mem_free(numbered);
    return OK;
}

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

// pycocotools lets the last annotation of an id stand for all of them, wherever they are: refused.
static enum status check_ids(const struct eval_truth *truth)
{
    size_t n = truth->n_objects, n_zero = 0, n_no_crowd = 0;
    bool is_ascending = true;
    for (size_t i = 0; i < n; i++) {
        n_zero += truth->objects[i].id == 0;
        n_no_crowd += truth->objects[i].lacks_crowd;
        if (i > 0 && truth->objects[i].id <= truth->objects[i - 1].id) is_ascending = false;
    }
    if (n_zero)
        log_warn(
            "%s: an annotation has the id 0. As in pycocotools, such an object is never found: "
            "a detection that matches it is a false positive. Number annotations from 1",
            truth->path);
    if (n_no_crowd)
        log_info("%s: %zu annotations have no \"iscrowd\" and count as single objects", truth->path,
                 n_no_crowd);
    if (is_ascending) return OK;
    struct numbered_id *ids = mem_alloc(n, sizeof *ids);
    if (!ids) return ERR_MEMORY;
    for (size_t i = 0; i < n; i++) ids[i] = (struct numbered_id){truth->objects[i].id, i};
    qsort(ids, n, sizeof *ids, by_numbered_id);
    enum status status = OK;
    for (size_t i = 1; i < n && status == OK; i++)
        if (ids[i].id == ids[i - 1].id)
            status = fail(ERR_DATA, "%s: annotations[%zu] has the id %lld of annotations[%zu]",
                          truth->path, ids[i].index, (long long)ids[i].id, ids[i - 1].index);
    mem_free(ids);
    return status;
}

// Ids to indices; annotations of images or categories that are not evaluated leave the array.
static void resolve_objects(struct eval_truth *truth)
{
    size_t n = 0, last_image = 0, last_category = 0, no_image = 0, no_category = 0;
    for (size_t i = 0; i < truth->n_objects; i++) {
        struct truth_object object = truth->objects[i];
        int64_t image = truth_find_image(truth, object.image_id, &last_image);
        int64_t category = truth_find_category(truth, object.category_id, &last_category);
        if (image == TRUTH_NONE)
            no_image++;
        else if (category == TRUTH_NONE)
            no_category++;
        if (image == TRUTH_NONE || category == TRUTH_NONE) continue;
        object.image = (uint32_t)image;
        object.category = (uint32_t)category;
        truth->objects[n++] = object;
    }
    truth->n_objects = n;
    if (no_image)
        log_warn("%s: %zu annotations of images that the file does not list are left out",
                 truth->path, no_image);
    if (no_category)
        log_warn("%s: %zu annotations of categories that the file does not list are left out",
                 truth->path, no_category);
}

static enum status sort_objects(struct eval_truth *truth)
{
    size_t n = truth->n_objects;
    uint32_t *images = mem_alloc(n, sizeof *images), *categories = mem_alloc(n, sizeof *categories);
    uint32_t *order = NULL;
    struct truth_object *sorted = mem_alloc(n, sizeof *sorted);
    enum status status = OK;
    if (!images || !categories || !sorted) {
        status = ERR_MEMORY;
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        images[i] = truth->objects[i].image;
        categories[i] = truth->objects[i].category;
    }
    GUARD(order_by_cell(images, categories, n, truth->n_images, truth->n_categories, &order));
    for (size_t i = 0; i < n; i++) sorted[i] = truth->objects[order[i]];
    struct truth_object *unsorted = truth->objects;
    truth->objects = sorted;
    sorted = unsorted;
done:
    mem_free(images);
    mem_free(categories);
    mem_free(order);
    mem_free(sorted);
    return status;
}

enum status eval_truth_load(const char *path, struct eval_truth **truth)
{
    return eval_truth_open(path, EVAL_BOXES, truth);
}

enum status eval_truth_open(const char *path, enum eval_type type, struct eval_truth **out)
{
    enum status status = OK;
    struct file_map map = {0};
    struct eval_truth *truth = mem_alloc(1, sizeof *truth);
    if (!truth) return ERR_MEMORY;
    truth->type = type;
    truth->path = mem_strdup(path);
    if (!truth->path) {
        status = ERR_MEMORY;
        goto done;
    }
    GUARD(file_map_open(path, &map));
    GUARD(truth_read(truth, &map, omp_get_max_threads()));
    if (truth->n_images > UINT32_MAX || truth->n_categories > UINT32_MAX) {
        status = fail(ERR_DATA, "%s: too many images", path);
        goto done;
    }
    GUARD(sort_images(truth));
    GUARD(sort_categories(truth));
    GUARD(check_ids(truth));
    resolve_objects(truth);
    GUARD(sort_objects(truth));
    if (type == EVAL_MASKS) GUARD(truth_decode_masks(truth, &map, omp_get_max_threads()));
    *out = truth;
    truth = NULL;
done:
    file_map_close(&map);
    eval_truth_destroy(truth);
    return status;
}
