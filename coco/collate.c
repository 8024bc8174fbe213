#include "coco/collate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/resize.h"
#include "base/rng.h"
#include "coco/copy_paste.h"

void collate_item_free(struct collate_item *item)
{
    image_free(&item->image);
    collate_objects_free(&item->objects);
    collate_objects_free(&item->composed);
    mem_free(item->alpha);
    item->alpha = NULL;
}

enum status collate_check_size(const char *path, const struct coco_image *entry, int width,
                               int height, int orientation)
{
    char hint[64] = "";
    if ((entry->width == 0 || entry->width == width) &&
        (entry->height == 0 || entry->height == height))
        return OK;
    if (orientation != 1) snprintf(hint, sizeof hint, " (its EXIF orientation is %d)", orientation);
    return fail(ERR_DATA,
                "%s: the image is %d x %d, its annotation (id %" PRId64 ") says %d x %d%s", path,
                width, height, entry->id, entry->width, entry->height, hint);
}

// What of the item's pixels the network will see.
static void choose_window(const struct loader_config *config, int64_t number, int slot,
                          const struct collate_item *item, struct image_window *window)
{
    const struct augment *augment = &config->augment;
    int width = item->image.width, height = item->image.height;
    int choice = config->n_min_sizes - 1;
    *window = (struct image_window){0};
    if (config->is_training) {
        struct rng_block draw =
            rng_philox(config->seed, RNG_AUGMENT, (uint32_t)number, (uint64_t)slot);
        window->flip = (double)rng_to_uniform(draw.v[0]) < config->flip_probability;
        choice = (int)((uint64_t)draw.v[1] * (uint64_t)config->n_min_sizes >> 32);
    }
    if (config->is_training && augment->lsj_size > 0) {
        struct rng rng;
        augment_rng(config->seed, number, slot, AUGMENT_LSJ, &rng);
        augment_window(augment, &rng, width, height, window->flip, window);
        return;
    }
    resize_target(width, height, config->min_sizes[choice], config->max_size, &window->new_width,
                  &window->new_height);
    window->width = window->new_width;
    window->height = window->new_height;
}

void collate_change_colors(const struct loader_config *config, int64_t number, int slot,
                           struct image *image)
{
    struct color_change change;
    struct rng rng;
    augment_rng(config->seed, number, slot, AUGMENT_COLOR, &rng);
    color_draw(config->augment.color, &rng, &change);
    color_apply(&change, image);
}

static enum status prepare(const struct loader_config *config, const struct mask_file *masks,
                           int64_t number, int slot, struct collate_item *item)
{
    const struct coco_image *entry = &config->dataset->images[item->index];
    char path[PATH_BYTES];
    int orientation;
    struct image_window window;
    TRY(path_join(path, config->image_folder, entry->file_name));
    TRY(image_load(path, config->exif, &item->image, &orientation));
    TRY(collate_check_size(path, entry, item->image.width, item->image.height, orientation));
    item->original_width = item->image.width;
    item->original_height = item->image.height;
    choose_window(config, number, slot, item, &window);
    TRY(collate_objects_read(config, masks, item->index, item->image.width, item->image.height,
                             &window, &item->objects));
    for (size_t i = 0; i < entry->n_objects; i++)
        item->n_annotated += !config->dataset->objects[entry->first + i].is_crowd;
    if (config->is_training) collate_change_colors(config, number, slot, &item->image);
    item->flip = window.flip;
    item->new_width = item->shown_width = window.width;
    item->new_height = item->shown_height = window.height;
    if (!config->is_training || config->augment.lsj_size == 0) return OK;
    struct image cut;
    TRY(image_window_cut(&item->image, &window, &cut));
    image_free(&item->image);
    item->image = cut;
    item->flip = false;
    item->shown_width = item->shown_height = config->augment.lsj_size;
    return OK;
}

void collate_prepare(const struct loader_config *config, const struct mask_file *masks,
                     int64_t number, int slot, struct collate_item *item)
{
    item->status = config->crop.size ? collate_prepare_crop(config, number, slot, item)
                                     : prepare(config, masks, number, slot, item);
    if (item->status == OK) return;
    snprintf(item->message, sizeof item->message, "%s", fail_message());
    collate_item_free(item);
}

// Each image may get objects of the one before it; of those as they were, not as they became.
static enum status paste(const struct loader_config *config, int64_t number,
                         struct collate_item *items, int n)
{
    for (int i = 0; i < n && n > 1; i++) {
        struct collate_item *item = &items[i];
        struct rng rng;
        augment_rng(config->seed, number, i, AUGMENT_PASTE, &rng);
        if (rng_double(&rng) >= config->augment.copy_paste) continue;
        TRY(copy_paste_objects(&item->objects, &items[(i + n - 1) % n].objects, item->shown_width,
                               item->shown_height, &rng, &item->composed, &item->alpha));
    }
    return OK;
}

static const struct collate_objects *objects_of(const struct collate_item *item)
{
    return item->alpha ? &item->composed : &item->objects;
}

// The masks' bytes are written by collate_render, from first_mask on.
static void fill_objects(const struct collate_objects *objects, int slot, size_t first_mask,
                         struct batch *batch)
{
    size_t g = (size_t)batch->max_objects, first = (size_t)slot * g, n = objects->n;
    for (size_t i = 0; i < n; i++) {
        const struct collate_object *object = &objects->list[i];
        memcpy(batch->boxes + 4 * (first + i), object->box, sizeof object->box);
        batch->labels[first + i] = object->label;
        if (!batch->masks) continue;
        memcpy(batch->mask_frames + 4 * (first + i), object->frame, sizeof object->frame);
        batch->mask_starts[first + i] = (int64_t)(first_mask + object->start);
    }
    batch->counts[slot] = (int32_t)n;
    memset(batch->boxes + 4 * (first + n), 0, 4 * (g - n) * sizeof *batch->boxes);
    memset(batch->labels + first + n, 0, (g - n) * sizeof *batch->labels);
    if (!batch->masks) return;
    memset(batch->mask_frames + 4 * (first + n), 0, 4 * (g - n) * sizeof *batch->mask_frames);
    memset(batch->mask_starts + first + n, 0, (g - n) * sizeof *batch->mask_starts);
}

static int round_up(int size, int multiple)
{
    return (size + multiple - 1) / multiple * multiple;
}

static void plan_sizes(const struct loader_config *config, const struct collate_item *items, int n,
                       struct batch *batch)
{
    int width = 0, height = 0, multiple = config->crop.size ? 1 : COLLATE_MULTIPLE;
    size_t most = 1;
    for (int i = 0; i < n; i++) {
        const struct collate_item *item = &items[i];
        size_t n_objects = objects_of(item)->n;
        if (!item->alpha) n_objects = (size_t)item->n_annotated;
        if (item->shown_width > width) width = item->shown_width;
        if (item->shown_height > height) height = item->shown_height;
        if (n_objects > most) most = n_objects;
    }
    batch->n = n;
    batch->width = round_up(width, multiple);
    batch->height = round_up(height, multiple);
    batch->max_objects = (int)most;
}

static size_t pixel_bytes(const struct collate_item *item)
{
    return 3 * (size_t)item->image.width * (size_t)item->image.height;
}

static enum status plan_pixels(const struct collate_item *items, int n,
                               struct collate_storage *storage)
{
    size_t n_bytes = 0;
    for (int i = 0; i < n; i++) {
        const struct collate_item *item = &items[i];
        int32_t *place = storage->batch.places + (size_t)i * N_PLACE;
        place[PLACE_START_LOW] = (int32_t)(n_bytes & UINT32_MAX);
        place[PLACE_START_HIGH] = (int32_t)(n_bytes >> 32);
        place[PLACE_WIDTH] = item->image.width;
        place[PLACE_HEIGHT] = item->image.height;
        place[PLACE_NEW_WIDTH] = item->new_width;
        place[PLACE_NEW_HEIGHT] = item->new_height;
        place[PLACE_FLIP] = item->flip;
        n_bytes += pixel_bytes(item);
    }
    return collate_storage_reserve_pixels(storage, n_bytes);
}

enum status collate_plan(const struct loader_config *config, int64_t number,
                         struct collate_item *items, int n, struct collate_storage *storage)
{
    struct batch *batch = &storage->batch;
    size_t n_floats, n_mask_bytes = 0;
    bool pastes = config->is_training && config->augment.copy_paste > 0;
    if (pastes) TRY(paste(config, number, items, n));
    plan_sizes(config, items, n, batch);
    if (!size_mul((size_t)batch->width * (size_t)batch->height, 3 * (size_t)n, &n_floats))
        return fail(ERR_MEMORY, "a batch of %d x %d x %d is too large", n, batch->height,
                    batch->width);
    for (int i = 0; i < n; i++) n_mask_bytes += objects_of(&items[i])->masks.n;
    bool keeps_pixels = config->keeps_pixels && !pastes;
    TRY(collate_storage_reserve(storage, keeps_pixels ? 0 : n_floats,
                                (size_t)n * (size_t)batch->max_objects));
    if (keeps_pixels) TRY(plan_pixels(items, n, storage));
    if (config->masks) TRY(collate_storage_reserve_masks(storage, n_mask_bytes));
    size_t first_mask = 0;
    for (int i = 0; i < n; i++) {
        const struct collate_item *item = &items[i];
        batch->sizes[2 * i] = (float)item->shown_height;
        batch->sizes[2 * i + 1] = (float)item->shown_width;
        batch->original_sizes[2 * i] = item->original_height;
        batch->original_sizes[2 * i + 1] = item->original_width;
        batch->image_ids[i] = config->dataset->images[item->index].id;
        batch->image_index[i] = item->index;
        fill_objects(objects_of(item), i, first_mask, batch);
        first_mask += objects_of(item)->masks.n;
    }
    return OK;
}

static enum status render_image(const struct collate_item *items, int slot, struct batch *batch)
{
    const struct collate_item *item = &items[slot];
    size_t floats = 3 * (size_t)batch->width * (size_t)batch->height, first_pixel = 0;
    if (batch->pixels) {
        for (int i = 0; i < slot; i++) first_pixel += pixel_bytes(&items[i]);
        memcpy(batch->pixels + first_pixel, item->image.rgb, pixel_bytes(item));
        return OK;
    }
    float *canvas = batch->images + (size_t)slot * floats;
    TRY(image_to_canvas(&item->image, item->flip, item->new_width, item->new_height, canvas,
                        batch->width, batch->height));
    if (!item->alpha) return OK;
    return copy_paste_pixels(item->alpha, item->shown_width, item->shown_height,
                             &items[(slot + batch->n - 1) % batch->n].image, canvas, batch->width);
}

enum status collate_render(const struct collate_item *items, int slot, struct batch *batch)
{
    const struct mask_bytes *masks = &objects_of(&items[slot])->masks;
    size_t first_mask = 0;
    TRY(render_image(items, slot, batch));
    for (int i = 0; i < slot; i++) first_mask += objects_of(&items[i])->masks.n;
    if (masks->n) memcpy(batch->masks + first_mask, masks->bytes, masks->n);
    return OK;
}
