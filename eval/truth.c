#include "eval/truth.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "eval/oddity.h"
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

static enum status sort_images(struct eval_truth *truth, bool is_strict)
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
    truth->n_images = n;
    mem_free(numbered);
    if (n == total) return OK;
    return oddity_warn(is_strict, "%s: %zu image entries repeat an id; the last one counts",
                       truth->path, total - n);
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

static enum status sort_categories(struct eval_truth *truth, bool is_strict)
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
    truth->n_categories = n;
    mem_free(numbered);
    if (n == total) return OK;
    return oddity_warn(is_strict, "%s: %zu categories repeat an id; the last one counts",
                       truth->path, total - n);
}

// Ids to indices; annotations of images or categories that are not evaluated leave the array.
static enum status resolve_objects(struct eval_truth *truth, bool is_strict)
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
        TRY(oddity_warn(is_strict,
                        "%s: %zu annotations of images that the file does not list are left out",
                        truth->path, no_image));
    if (no_category)
        TRY(oddity_warn(
            is_strict, "%s: %zu annotations of categories that the file does not list are left out",
            truth->path, no_category));
    return OK;
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

enum status eval_truth_open(const char *path, enum eval_type type, struct eval_truth **truth)
{
    struct eval_reading reading = {.type = type};
    return eval_truth_open_as(path, &reading, truth);
}

enum status eval_truth_open_as(const char *path, const struct eval_reading *reading,
                               struct eval_truth **out)
{
    enum status status = OK;
    struct file_map map = {0};
    struct eval_truth *truth = mem_alloc(1, sizeof *truth);
    if (!truth) return ERR_MEMORY;
    truth->type = reading->type;
    truth->count_id0 = reading->count_id0;
    truth->path = mem_strdup(path);
    if (!truth->path) {
        status = ERR_MEMORY;
        goto done;
    }
    GUARD(file_map_open(path, &map));
    GUARD(truth_read(truth, &map, reading, omp_get_max_threads()));
    if (truth->n_images > UINT32_MAX || truth->n_categories > UINT32_MAX) {
        status = fail(ERR_DATA, "%s: too many images", path);
        goto done;
    }
    GUARD(sort_images(truth, reading->is_strict));
    GUARD(sort_categories(truth, reading->is_strict));
    GUARD(truth_check_ids(truth, reading));
    GUARD(resolve_objects(truth, reading->is_strict));
    GUARD(sort_objects(truth));
    if (reading->type == EVAL_MASKS || reading->area == AREA_OF_MASK)
        GUARD(truth_decode_masks(truth, &map, reading, omp_get_max_threads()));
    *out = truth;
    truth = NULL;
done:
    file_map_close(&map);
    eval_truth_destroy(truth);
    return status;
}
