// What happens to one image of a batch, and how images become a batch: private to loader.c, which
// adds the threads. All functions depend on their arguments alone.
#ifndef TARN_COCO_COLLATE_H
#define TARN_COCO_COLLATE_H

#include "coco/collate_objects.h"
#include "coco/loader.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { COLLATE_MULTIPLE = 32, COLLATE_MESSAGE_BYTES = 1024 };

struct collate_item {
    size_t index; // into dataset->images
    struct image image;
    bool flip; // still to be done
    int original_width, original_height;
    int new_width, new_height;       // the image is resized to this
    int shown_width, shown_height;   // what the network takes for the image: that, or lsj_size
    struct collate_objects objects;  // as the network sees them
    int32_t n_annotated;             // objects of the image's annotations, crowds left out
    struct collate_objects composed; // with what was pasted; only where alpha is set
    uint8_t *alpha;                  // (shown_height, shown_width) where something was pasted
    enum status status;              // of collate_prepare
    char message[COLLATE_MESSAGE_BYTES];
};
void collate_item_free(struct collate_item *item);

// A batch with the sizes of its memory, so that it can be filled again.
struct collate_storage {
    struct batch batch;                     // first: a batch pointer is a storage pointer
    size_t image_capacity, object_capacity; // floats of images; n * G
    size_t frame_capacity, mask_capacity;   // n * G; bytes of masks
    size_t pixel_capacity;                  // bytes of pixels
    const struct arena_source *memory;      // of images, pixels, masks; NULL: the heap
};

enum status collate_storage_init(struct collate_storage *storage, int batch_size,
                                 const struct arena_source *memory) MUST_USE;
void collate_storage_free(struct collate_storage *storage);
enum status collate_storage_reserve(struct collate_storage *storage, size_t n_floats,
                                    size_t n_objects) MUST_USE;
enum status collate_storage_reserve_pixels(struct collate_storage *storage,
                                           size_t n_bytes) MUST_USE;
// After collate_storage_reserve: frames and starts for as many objects, and mask_bytes.
enum status collate_storage_reserve_masks(struct collate_storage *storage,
                                          size_t n_bytes) MUST_USE;

// Decodes image item->index, draws its augmentation (number is the batch's, slot the place in it)
// and brings its objects into place. masks: where theirs are read, NULL without them. The outcome
// is in item->status.
void collate_prepare(const struct loader_config *config, const struct mask_file *masks,
                     int64_t number, int slot, struct collate_item *item);

// Classification: the outcome of collate_prepare for an image that is a part of a file's. Of JPEGs
// that are larger than the network sees them in training, fewer pixels are decoded.
enum status collate_prepare_crop(const struct loader_config *config, int64_t number, int slot,
                                 struct collate_item *item) MUST_USE;

// Pixels that belong to other annotations than the item's would train on nonsense: ERR_DATA where
// the annotation tells another size.
enum status collate_check_size(const char *path, const struct coco_image *entry, int width,
                               int height, int orientation) MUST_USE;

// A new colouring for slot `slot` of a training batch.
void collate_change_colors(const struct loader_config *config, int64_t number, int slot,
                           struct image *image);

// Makes room for n prepared items, writes all of the batch but `images`, `pixels` and `masks`.
enum status collate_plan(const struct loader_config *config, int64_t number,
                         struct collate_item *items, int n,
                         struct collate_storage *storage) MUST_USE;

// Writes row `slot` of the batch's images, or its pixels, and its masks. items: of the whole batch,
// which the caller frees when all are rendered.
enum status collate_render(const struct collate_item *items, int slot,
                           struct batch *batch) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
