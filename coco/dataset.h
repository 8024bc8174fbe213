// A COCO-layout annotation file in memory, compact: packed arrays, one string block.
#ifndef TARN_COCO_DATASET_H
#define TARN_COCO_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct coco_category {
    int64_t id;
    char *name;
    int64_t n_objects; // in this file, crowds left out
};

struct coco_image {
    int64_t id;
    int width, height; // as the file says; 0 when absent
    char *file_name;
    size_t first, n_objects; // objects of this image are contiguous: objects[first ...]
};

struct coco_object {
    int64_t id;
    float box[4];                 // x1 y1 x2 y2, clamped to the image
    int category;                 // index into categories; -1: coco/class_set.h's CLASS_FILES
    uint32_t segmentation_bytes;  // 0: none
    uint64_t segmentation_offset; // byte range of "segmentation" in the file
    double area;                  // the file's
    bool is_crowd;
};

// What was left out, for the report.
struct coco_dropped {
    int64_t crowd;            // kept in objects with is_crowd set; training leaves them out
    int64_t no_area;          // width or height not above 0
    int64_t outside;          // nothing left after clamping to the image
    int64_t duplicate_images; // a second entry equal to the first in id, name and size
};

struct coco_dataset {
    char *path;
    struct coco_category *categories; // ascending id
    size_t n_categories;
    struct coco_image *images; // ascending id
    size_t n_images;
    struct coco_object *objects; // grouped by image, file order within
    size_t n_objects;
    struct coco_dropped dropped;
    struct arena names; // of categories and images
};

// Reads the file element by element (memory: the packed arrays plus one element).
// Errors name the file and the entry (or byte offset): bad JSON, duplicate ids, NaN, annotations
// of unknown images or categories, boxes that are not four finite numbers. "area" defaults to the
// box's, "iscrowd" to 0; a file without "annotations" has images without objects, which is
// said. Boxes are in the coordinates of an image of width x height pixels.
// Boxes without area or outside their image are dropped, counted, reported once by log_warn.
enum status coco_dataset_load(const char *path, struct coco_dataset **dataset) MUST_USE;
// The same for a list of images, which need have no annotations: image_info_test-dev2017.json.
enum status coco_dataset_load_images(const char *path, struct coco_dataset **dataset) MUST_USE;
void coco_dataset_destroy(struct coco_dataset *dataset);

const struct coco_image *coco_image_find(const struct coco_dataset *dataset, int64_t id);
int coco_category_index(const struct coco_dataset *dataset, int64_t id); // -1: none

#ifdef __cplusplus
}
#endif
#endif
