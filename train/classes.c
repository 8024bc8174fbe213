#include "train/classes.h"

#include <limits.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

enum { MAX_LABEL = 100000 };

void classes_free(struct classes *classes)
{
    for (size_t i = 0; i < classes->n; i++) mem_free(classes->entries[i].name);
    mem_free(classes->entries);
    *classes = (struct classes){NULL, 0, false};
}

static enum status append(struct classes *classes, size_t *capacity, int64_t label, int64_t id,
                          const char *name)
{
    if (label < 0 || label > MAX_LABEL)
        return fail(ERR_DATA, "category id %lld cannot be a class channel, 0 to %d",
                    (long long)label, (int)MAX_LABEL);
    if (classes->n && classes->entries[classes->n - 1].label >= label)
        return fail(ERR_DATA, "class labels must ascend, %lld does not", (long long)label);
    TRY(mem_reserve(&classes->entries, capacity, classes->n + 1, sizeof *classes->entries));
    char *copy = mem_strdup(name);
    if (!copy) return ERR_MEMORY;
    classes->entries[classes->n++] = (struct class_entry){(int)label, id, copy};
    return OK;
}

enum status classes_from_dataset(const struct coco_dataset *dataset, bool raw_labels,
                                 struct classes *classes)
{
    struct classes made = {NULL, 0, raw_labels};
    size_t capacity = 0;
    for (size_t i = 0; i < dataset->n_categories; i++) {
        const struct coco_category *c = &dataset->categories[i];
        int64_t label = raw_labels ? c->id : (int64_t)i + 1;
        enum status status = append(&made, &capacity, label, c->id, c->name);
        if (status == OK) continue;
        classes_free(&made);
        return fail_context(status, "%s: ", dataset->path);
    }
    *classes = made;
    return OK;
}

int classes_channels(const struct classes *classes)
{
    return classes->n ? classes->entries[classes->n - 1].label + 1 : 0;
}

const struct class_entry *classes_find(const struct classes *classes, int label)
{
    size_t low = 0, high = classes->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (classes->entries[middle].label < label)
            low = middle + 1;
        else
            high = middle;
    }
    bool is_found = low < classes->n && classes->entries[low].label == label;
    return is_found ? &classes->entries[low] : NULL;
}

static cJSON *entry_to_json(const struct class_entry *entry)
{
    cJSON *object = cJSON_CreateObject();
    if (object && cJSON_AddNumberToObject(object, "label", entry->label) &&
        cJSON_AddNumberToObject(object, "id", (double)entry->category_id) &&
        cJSON_AddStringToObject(object, "name", entry->name))
        return object;
    cJSON_Delete(object);
    return NULL;
}

enum status classes_to_json(const struct classes *classes, struct cJSON **json)
{
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; array && i < classes->n; i++) {
        cJSON *object = entry_to_json(&classes->entries[i]);
        if (!object || !cJSON_AddItemToArray(array, object)) {
            cJSON_Delete(object);
            cJSON_Delete(array);
            array = NULL;
        }
    }
    if (!array) return fail(ERR_MEMORY, "out of memory");
    *json = array;
    return OK;
}

enum status classes_from_json(const char *name, const struct cJSON *json, bool raw_labels,
                              struct classes *classes)
{
    struct classes made = {NULL, 0, raw_labels};
    struct json_place place = {name, "classes", 0};
    size_t capacity = 0;
    const cJSON *item;
    enum status status = OK;
    cJSON_ArrayForEach(item, json)
    {
        int label;
        int64_t id;
        const char *text;
        GUARD(json_get_int(item, &place, "label", 0, MAX_LABEL, &label));
        GUARD(json_get_id(item, &place, "id", &id));
        GUARD(json_get_string(item, &place, "name", &text));
        status = append(&made, &capacity, label, id, text);
        if (status != OK) {
            status = fail_context(status, "%s: ", name);
            goto done;
        }
        place.index++;
    }
    *classes = made;
    return OK;
done:
    classes_free(&made);
    return status;
}

void classes_compare(const struct classes *trained, const struct coco_dataset *dataset)
{
    for (size_t i = 0; i < dataset->n_categories; i++) {
        const struct coco_category *c = &dataset->categories[i];
        const struct class_entry *found = NULL;
        for (size_t j = 0; j < trained->n && !found; j++)
            if (trained->entries[j].category_id == c->id) found = &trained->entries[j];
        if (!found)
            log_warn("%s: category %lld (%s) is not among the model's classes", dataset->path,
                     (long long)c->id, c->name);
        else if (strcmp(found->name, c->name) != 0)
            log_warn("%s: category %lld is called '%s', the model's '%s'", dataset->path,
                     (long long)c->id, c->name, found->name);
    }
}
