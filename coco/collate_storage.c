// The memory of a batch.
#include "base/mem.h"
#include "base/resize.h"
#include "coco/collate.h"

static void *get(const struct collate_storage *storage, size_t n, size_t size)
{
    size_t bytes;
    if (!storage->memory) return mem_alloc(n, size);
    if (!size_mul(n, size, &bytes)) {
        (void)fail(ERR_MEMORY, "a batch's size overflows");
        return NULL;
    }
    return storage->memory->get(storage->memory->context, bytes ? bytes : 1);
}

static void put(const struct collate_storage *storage, void *block, size_t bytes)
{
    if (!storage->memory)
        mem_free(block);
    else if (block)
        storage->memory->put(storage->memory->context, block, bytes ? bytes : 1);
}

enum status collate_storage_init(struct collate_storage *storage, int batch_size,
                                 const struct arena_source *memory)
{
    size_t n = (size_t)batch_size;
    storage->memory = memory;
    struct batch *batch = &storage->batch;
    batch->sizes = (float *)mem_alloc(2 * n, sizeof *batch->sizes);
    batch->original_sizes = (int *)mem_alloc(2 * n, sizeof *batch->original_sizes);
    batch->image_ids = (int64_t *)mem_alloc(n, sizeof *batch->image_ids);
    batch->image_index = (size_t *)mem_alloc(n, sizeof *batch->image_index);
    batch->counts = (int32_t *)mem_alloc(n, sizeof *batch->counts);
    batch->places = (int32_t *)mem_alloc(n, N_PLACE * sizeof *batch->places);
    if (!batch->sizes || !batch->original_sizes || !batch->image_ids || !batch->image_index ||
        !batch->counts || !batch->places)
        return ERR_MEMORY;
    return OK;
}

void collate_storage_free(struct collate_storage *storage)
{
    struct batch *batch = &storage->batch;
    put(storage, batch->images, storage->image_capacity * sizeof *batch->images);
    put(storage, batch->pixels, storage->pixel_capacity);
    mem_free(batch->places);
    mem_free(batch->sizes);
    mem_free(batch->original_sizes);
    mem_free(batch->image_ids);
    mem_free(batch->image_index);
    mem_free(batch->boxes);
    mem_free(batch->labels);
    mem_free(batch->counts);
    put(storage, batch->masks, storage->mask_capacity);
    mem_free(batch->mask_frames);
    mem_free(batch->mask_starts);
    *storage = (struct collate_storage){0};
}

// Old content is never needed: free and allocate, so that both are never held at once.
enum status collate_storage_reserve(struct collate_storage *storage, size_t n_floats,
                                    size_t n_objects)
{
    struct batch *batch = &storage->batch;
    if (n_floats > storage->image_capacity) {
        put(storage, batch->images, storage->image_capacity * sizeof *batch->images);
        storage->image_capacity = 0;
        batch->images = (float *)get(storage, n_floats, sizeof *batch->images);
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

enum status collate_storage_reserve_pixels(struct collate_storage *storage, size_t n_bytes)
{
    struct batch *batch = &storage->batch;
    batch->pixel_bytes = n_bytes;
    if (batch->pixels && n_bytes <= storage->pixel_capacity) return OK;
    put(storage, batch->pixels, storage->pixel_capacity);
    storage->pixel_capacity = 0;
    batch->pixels = (uint8_t *)get(storage, n_bytes, 1);
    if (!batch->pixels) return ERR_MEMORY;
    storage->pixel_capacity = n_bytes;
    return OK;
}

enum status collate_storage_reserve_masks(struct collate_storage *storage, size_t n_bytes)
{
    struct batch *batch = &storage->batch;
    size_t n = storage->object_capacity;
    batch->mask_bytes = n_bytes;
    if (n > storage->frame_capacity) {
        mem_free(batch->mask_frames);
        mem_free(batch->mask_starts);
        storage->frame_capacity = 0;
        batch->mask_starts = NULL;
        batch->mask_frames = (int32_t *)mem_alloc(n, 4 * sizeof *batch->mask_frames);
        if (!batch->mask_frames) return ERR_MEMORY;
        batch->mask_starts = (int64_t *)mem_alloc(n, sizeof *batch->mask_starts);
        if (!batch->mask_starts) return ERR_MEMORY;
        storage->frame_capacity = n;
    }
    if (!batch->masks || n_bytes > storage->mask_capacity) {
        put(storage, batch->masks, storage->mask_capacity);
        storage->mask_capacity = 0;
        batch->masks = (uint8_t *)get(storage, n_bytes, 1);
        if (!batch->masks) return ERR_MEMORY;
        storage->mask_capacity = n_bytes;
    }
    return OK;
}
