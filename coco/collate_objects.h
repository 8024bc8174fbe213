// The objects of one image of a batch, in the coordinates that the network sees: private to the
// loader.
#ifndef TARN_COCO_COLLATE_OBJECTS_H
#define TARN_COCO_COLLATE_OBJECTS_H

#include "coco/loader.h"
#include "coco/mask_file.h"
#include "coco/mask_frame.h"

#ifdef __cplusplus
extern "C" {
#endif

struct collate_object {
    float box[4];
    int32_t label;
    int32_t frame[4]; // of its mask: x y width height
    size_t start;     // first byte in masks
};

struct collate_objects {
    struct collate_object *list;
    size_t n, capacity;
    struct mask_bytes masks; // empty without loader_config.masks
};
void collate_objects_free(struct collate_objects *objects);
enum status collate_objects_add(struct collate_objects *objects,
                                const struct collate_object *object) MUST_USE;

// Objects of dataset->images[index], whose pixels are image_width x image_height, as the window
// shows them; crowds and what has no area there are left out. masks: NULL, or where to read them.
enum status collate_objects_read(const struct loader_config *config, const struct mask_file *masks,
                                 size_t index, int image_width, int image_height,
                                 const struct image_window *window,
                                 struct collate_objects *objects) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
