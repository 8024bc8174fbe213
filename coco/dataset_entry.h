// One entry of a COCO annotation file, checked: private to dataset.c.
#ifndef TARN_COCO_DATASET_ENTRY_H
#define TARN_COCO_DATASET_ENTRY_H

#include "base/json_stream.h"
#include "coco/dataset.h"

#ifdef __cplusplus
extern "C" {
#endif

// Each reads the stream's element into *entry. Names are copied to the arena.
enum status coco_read_category(const struct json_stream *stream, const struct json_element *element,
                               struct arena *names, struct coco_category *category) MUST_USE;
enum status coco_read_image(const struct json_stream *stream, const struct json_element *element,
                            struct arena *names, struct coco_image *image) MUST_USE;

// object->box gets x1 y1 x2 y2 as the file says (not clamped, may be without area);
// object->category is not set.
enum status coco_read_object(const struct json_stream *stream, const struct json_element *element,
                             struct coco_object *object, int64_t *image_id,
                             int64_t *category_id) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
