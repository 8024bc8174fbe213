// What the class channels of a head mean: names and category ids.
#ifndef TARN_TRAIN_CLASSES_H
#define TARN_TRAIN_CLASSES_H

#include <stdint.h>

#include "coco/dataset.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cJSON;

struct class_entry {
    int label; // channel of the head, >= 1 (raw labels: >= 0)
    int64_t category_id;
    char *name;
};

struct classes {
    struct class_entry *entries; // ascending labels
    size_t n;
    bool raw_labels; // label = category id
};

void classes_free(struct classes *classes);

// Labels 1, 2, 3 ... in the order of ascending category ids, or the ids themselves (ERR_DATA when
// those are negative or above 100000).
enum status classes_from_dataset(const struct coco_dataset *dataset, bool raw_labels,
                                 struct classes *classes) MUST_USE;

int classes_channels(const struct classes *classes); // largest label + 1

const struct class_entry *classes_find(const struct classes *classes, int label); // NULL: none

// [{"label": 1, "id": 7, "name": "..."}, ...]; `name` of the source is for messages.
enum status classes_to_json(const struct classes *classes, struct cJSON **json) MUST_USE;
enum status classes_from_json(const char *name, const struct cJSON *json, bool raw_labels,
                              struct classes *classes) MUST_USE;

// Warns of categories that one of the two lacks, or that bear another name.
void classes_compare(const struct classes *trained, const struct coco_dataset *dataset);

#ifdef __cplusplus
}
#endif
#endif
