// What happens to one image of a batch, and how images become a batch: private to loader.c, which
// adds the threads. All functions depend on their arguments alone.
#ifndef TARN_COCO_COLLATE_H
#define TARN_COCO_COLLATE_H

#include "coco/loader.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { COLLATE_MULTIPLE = 32, COLLATE_MESSAGE_BYTES = 1024 };

struct collate_item {
    size_t index; // into dataset->images
    struct image image;
    bool flip;
    int new_width, new_height;
    enum status status; // of collate_prepare
    char message[COLLATE_MESSAGE_BYTES];
};

// A batch with the sizes of its memory, so that it can be filled again.
struct collate_storage {
    struct batch batch;                     // first: a batch pointer is a storage pointer
    size_t image_capacity, object_capacity; // floats of images; n * G
};

enum status collate_storage_init(struct collate_storage *storage, int batch_size) MUST_USE;
void collate_storage_free(struct collate_storage *storage);

// Decodes image item->index and draws its augmentation: number is the batch's, slot the place in
// it. The outcome is in item->status.
void collate_prepare(const struct loader_config *config, int64_t number, int slot,
                     struct collate_item *item);

// Makes room for n prepared items, writes all of the batch but `images`.
enum status collate_plan(const struct loader_config *config, const struct collate_item *items,
                         int n, struct collate_storage *storage) MUST_USE;

// Writes row `slot` of the batch's images, then frees the item's pixels.
enum status collate_render(struct collate_item *item, int slot, struct batch *batch) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
