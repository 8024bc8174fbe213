// Ground truth in packed arrays.
#ifndef TARN_EVAL_TRUTH_H
#define TARN_EVAL_TRUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "coco/rle.h"
#include "eval/coco_eval.h"

#ifdef __cplusplus
extern "C" {
#endif

struct truth_image {
    int64_t id;
    int height, width; // 0 when absent
};

struct truth_category {
    int64_t id;
    char *name;
};

struct truth_object {
    int64_t id;
    int64_t image_id, category_id;
    uint32_t image, category; // indices
    bool is_crowd;
    bool is_ignored;       // the file's "ignore": not used by default
    bool lacks_crowd;      // there is no "iscrowd"
    bool lacks_area;       // to be derived from the mask
    double box[4];         // x, y, width, height; with masks: the mask's box
    double area;           // the file's, unless read otherwise
    struct mask_text mask; // as the file has it, while masks are loaded
    struct rle rle;        // owned; empty when only boxes are loaded
};

struct eval_truth {
    char *path;
    enum eval_type type;
    bool count_id0;             // an object with the id 0 can be found
    struct truth_image *images; // ascending id, unique
    size_t n_images;
    struct truth_category *categories; // ascending, unique
    size_t n_categories;
    struct truth_object *objects; // by image, category, file order
    size_t n_objects;
};

enum { TRUTH_NONE = -1 };

// Indices by id; TRUTH_NONE when unknown. *last is a guess, kept by the caller between calls: ids
// mostly repeat.
int64_t truth_find_image(const struct eval_truth *truth, int64_t id, size_t *last);
int64_t truth_find_category(const struct eval_truth *truth, int64_t id, size_t *last);

#ifdef __cplusplus
}
#endif
#endif
