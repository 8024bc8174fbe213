#include "coco/collate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"

enum status collate_storage_init(struct collate_storage *storage, int batch_size)
{
    size_t n = (size_t)batch_size;
    struct batch *batch = &storage->batch;
    batch->sizes = (float *)mem_alloc(2 * n, sizeof *batch->sizes);
    batch->original_sizes = (int *)mem_alloc(2 * n, sizeof *batch->original_sizes);
    batch->image_ids = (int64_t *)mem_alloc(n, sizeof *batch->image_ids);
    batch->image_index = (size_t *)mem_alloc(n, sizeof *batch->image_index);
    batch->counts = (int32_t *)mem_alloc(n, sizeof *batch->counts);
    if (!batch->sizes || !batch->original_sizes || !batch->image_ids || !batch->image_index ||
        !batch->counts)
        return ERR_MEMORY;
    return OK;
}

void collate_storage_free(struct collate_storage *storage)
{
    struct batch *batch = &storage->batch;
    mem_free(batch->images);
    mem_free(batch->sizes);
    mem_free(batch->original_sizes);
    mem_free(batch->image_ids);
    mem_free(batch->image_index);
    mem_free(batch->boxes);
    mem_free(batch->labels);
    mem_free(batch->counts);
    *storage = (struct collate_storage){0};
}

// Boxes that belong to other pixels would train on nonsense.
static enum status check_size(const char *path, const struct coco_image *entry,
                              const struct image *image, int orientation)
{
    char hint[64] = "";
    if ((entry->width == 0 || entry->width == image->width) &&
        (entry->height == 0 || entry->height == image->height))
        return OK;
    if (orientation != 1) snprintf(hint, sizeof hint, " (its EXIF orientation is %d)", orientation);
    return fail(ERR_DATA,
                "%s: the image is %d x %d, its annotation (id %" PRId64 ") says %d x %d%s", path,
                image->width, image->height, entry->id, entry->width, entry->height, hint);
}

static enum status prepare(const struct loader_config *config, int64_t number, int slot,
                           struct collate_item *item)
{
    const struct coco_image *entry = &config->dataset->images[item->index];
    char path[PATH_BYTES];
    int orientation;
    TRY(path_join(path, config->image_folder, entry->file_name));
    TRY(image_load(path, config->exif, &item->image, &orientation));
    TRY(check_size(path, entry, &item->image, orientation));
    int choice = config->n_min_sizes - 1;
    item->flip = false;
    if (config->is_training) {
        struct rng_block draw =
            rng_philox(config->seed, RNG_AUGMENT, (uint32_t)number, (uint64_t)slot);
        item->flip = (double)rng_to_uniform(draw.v[0]) < config->flip_probability;
        choice = (int)((uint64_t)draw.v[1] * (uint64_t)config->n_min_sizes >> 32);
    }
    resize_target(item->image.width, item->image.height, config->min_sizes[choice],
                  config->max_size, &item->new_width, &item->new_height);
    return OK;
}

void collate_prepare(const struct loader_config *config, int64_t number, int slot,
                     struct collate_item *item)
{
    item->status = prepare(config, number, slot, item);
    if (item->status == OK) return;
    snprintf(item->message, sizeof item->message, "%s", fail_message());
    image_free(&item->image);
}

static int32_t count_objects(const struct coco_dataset *dataset, size_t index)
{
    const struct coco_image *entry = &dataset->images[index];
    int32_t n = 0;
    for (size_t i = 0; i < entry->n_objects; i++) n += !dataset->objects[entry->first + i].is_crowd;
    return n;
}

// A box of the annotation in resized coordinates; false when it has no area there.
static bool transform_box(const struct collate_item *item, const float in[4], float out[4])
{
    float width = (float)item->image.width, height = (float)item->image.height;
    float scale[2] = {(float)item->new_width / width, (float)item->new_height / height};
    float box[4];
    for (int i = 0; i < 4; i++) { // the annotation may not have told the image's size
        float limit = i % 2 ? height : width;
        box[i] = in[i] > limit ? limit : in[i];
    }
    if (item->flip) {
        float x1 = box[0];
        box[0] = width - box[2];
        box[2] = width - x1;
    }
    for (int i = 0; i < 4; i++) out[i] = box[i] * scale[i % 2];
    return out[2] > out[0] && out[3] > out[1];
}

static void fill_objects(const struct loader_config *config, const struct collate_item *item,
                         int slot, struct batch *batch)
{
    const struct coco_dataset *dataset = config->dataset;
    const struct coco_image *entry = &dataset->images[item->index];
    float *boxes = batch->boxes + (size_t)slot * (size_t)batch->max_objects * 4;
    int32_t *labels = batch->labels + (size_t)slot * (size_t)batch->max_objects;
    int32_t n = 0;
    for (size_t i = 0; i < entry->n_objects; i++) {
        const struct coco_object *object = &dataset->objects[entry->first + i];
        if (object->is_crowd || !transform_box(item, object->box, boxes + 4 * n)) continue;
        labels[n++] = config->raw_labels ? (int32_t)dataset->categories[object->category].id
                                         : object->category + 1;
    }
    batch->counts[slot] = n;
    size_t rest = (size_t)(batch->max_objects - n);
    memset(boxes + 4 * n, 0, 4 * rest * sizeof *boxes);
    memset(labels + n, 0, rest * sizeof *labels);
}

static int round_up(int size)
{
    return (size + COLLATE_MULTIPLE - 1) / COLLATE_MULTIPLE * COLLATE_MULTIPLE;
}

// Old content is not needed: free and allocate, so that both are never held at once.
static enum status reserve(struct collate_storage *storage, size_t n_floats, size_t n_objects)
{
    struct batch *batch = &storage->batch;
    if (n_floats > storage->image_capacity) {
        mem_free(batch->images);
        storage->image_capacity = 0;
        batch->images = (float *)mem_alloc(n_floats, sizeof *batch->images);
        if (!batch->images) return ERR_MEMORY;
        storage->image_capacity = n_floats;
    }
    if (n_objects > storage->object_capacity) {
        mem_free(batch->boxes);
        mem_free(batch->labels);
        storage->object_capacity = 0;
        batch->labels = NULL;
        batch->boxes = (float *)mem_alloc(n_objects, 4 * sizeof *batch->boxes);
        if (!batch->boxes) return ERR_MEMORY;
        batch->labels = (int32_t *)mem_alloc(n_objects, sizeof *batch->labels);
        if (!batch->labels) return ERR_MEMORY;
        storage->object_capacity = n_objects;
    }
    return OK;
}

enum status collate_plan(const struct loader_config *config, const struct collate_item *items,
                         int n, struct collate_storage *storage)
{
    struct batch *batch = &storage->batch;
    int width = 0, height = 0;
    int32_t most = 1;
    for (int i = 0; i < n; i++) {
        int32_t n_objects = count_objects(config->dataset, items[i].index);
        if (items[i].new_width > width) width = items[i].new_width;
        if (items[i].new_height > height) height = items[i].new_height;
        if (n_objects > most) most = n_objects;
    }
    batch->n = n;
    batch->width = round_up(width);
    batch->height = round_up(height);
    batch->max_objects = most;
    size_t n_floats;
    if (!size_mul((size_t)batch->width * (size_t)batch->height, 3 * (size_t)n, &n_floats))
        return fail(ERR_MEMORY, "a batch of %d x %d x %d is too large", n, batch->height,
                    batch->width);
    TRY(reserve(storage, n_floats, (size_t)n * (size_t)most));
    for (int i = 0; i < n; i++) {
        const struct collate_item *item = &items[i];
        batch->sizes[2 * i] = (float)item->new_height;
        batch->sizes[2 * i + 1] = (float)item->new_width;
        batch->original_sizes[2 * i] = item->image.height;
        batch->original_sizes[2 * i + 1] = item->image.width;
        batch->image_ids[i] = config->dataset->images[item->index].id;
        batch->image_index[i] = item->index;
        fill_objects(config, item, i, batch);
    }
    return OK;
}

enum status collate_render(struct collate_item *item, int slot, struct batch *batch)
{
    size_t floats = 3 * (size_t)batch->width * (size_t)batch->height;
    enum status status =
        image_to_canvas(&item->image, item->flip, item->new_width, item->new_height,
                        batch->images + (size_t)slot * floats, batch->width, batch->height);
    image_free(&item->image);
    return status;
}
