#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_stream.h"
#include "base/mem.h"
#include "coco/dataset_entry.h"
#include "coco/survey_parts.h"

// What is wrong with one entry is a defect; memory that runs out is an error.
static enum status note_malformed(struct survey *survey, enum status status)
{
    if (status == ERR_MEMORY) return status;
    return defects_add(&survey->defects, DEFECT_KIND_MALFORMED, NULL, NULL, "%s", fail_message());
}

// Goes to a top-level array; false when there is none.
static enum status find_array(struct json_stream *stream, const char *name, bool *is_there)
{
    struct json_member member;
    *is_there = false;
    json_stream_rewind(stream);
    for (;;) {
        TRY(json_stream_member(stream, &member));
        if (!member.name) return OK;
        if (!stream->is_object)
            return fail(ERR_DATA,
                        "%s: is an array (a results file?), expected an object with "
                        "\"images\", \"annotations\" and \"categories\"",
                        stream->path);
        if (strcmp(member.name, name) != 0) continue;
        *is_there = true;
        return OK;
    }
}

static int by_id(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_categories(const void *a, const void *b)
{
    return by_id(((const struct coco_category *)a)->id, ((const struct coco_category *)b)->id);
}

static int compare_images(const void *a, const void *b)
{
    return by_id(((const struct survey_image *)a)->entry.id,
                 ((const struct survey_image *)b)->entry.id);
}

// Of equal keys the one that stands first in the file, so that reports repeat.
static int compare_objects(const void *left, const void *right)
{
    const struct survey_object *a = (const struct survey_object *)left;
    const struct survey_object *b = (const struct survey_object *)right;
    if (a->image != b->image) return a->image < b->image ? -1 : 1;
    return by_id(a->object.id, b->object.id);
}

static enum status read_categories(struct json_stream *stream, struct survey *s)
{
    bool is_there;
    size_t capacity = 0, kept = 0;
    TRY(find_array(stream, "categories", &is_there));
    while (is_there) {
        struct json_element element;
        TRY(json_stream_element(stream, &element));
        if (!element.bytes) break;
        TRY(mem_reserve(&s->categories, &capacity, s->n_categories + 1, sizeof *s->categories));
        enum status status =
            coco_read_category(stream, &element, &s->names, &s->categories[s->n_categories]);
        if (status == OK)
            s->n_categories++;
        else
            TRY(note_malformed(s, status));
    }
    if (s->n_categories)
        qsort(s->categories, s->n_categories, sizeof *s->categories, compare_categories);
    for (size_t i = 0; i < s->n_categories; i++) {
        const struct coco_category *category = &s->categories[i];
        if (kept == 0 || s->categories[kept - 1].id != category->id)
            s->categories[kept++] = *category;
        else
            TRY(defects_add(&s->defects, DEFECT_KIND_DUPLICATE_ID, NULL, NULL,
                            "category id %" PRId64 " (\"%s\", \"%s\")", category->id,
                            s->categories[kept - 1].name, category->name));
    }
    s->n_categories = kept;
    return OK;
}

static enum status merge_images(struct survey *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->n_images; i++) {
        const struct coco_image *image = &s->images[i].entry;
        const struct coco_image *last = kept ? &s->images[kept - 1].entry : NULL;
        if (!last || last->id != image->id) {
            s->images[kept++] = s->images[i];
            continue;
        }
        bool is_equal = strcmp(last->file_name, image->file_name) == 0 &&
                        last->width == image->width && last->height == image->height;
        TRY(defects_add(&s->defects,
                        is_equal ? DEFECT_KIND_REPEATED_IMAGE : DEFECT_KIND_DUPLICATE_ID,
                        &image->id, NULL, "image id %" PRId64 " (\"%s\", \"%s\")", image->id,
                        last->file_name, image->file_name));
    }
    s->n_images = kept;
    return OK;
}

static enum status read_images(struct json_stream *stream, struct survey *s)
{
    bool is_there;
    size_t capacity = 0;
    TRY(find_array(stream, "images", &is_there));
    if (!is_there) return fail(ERR_DATA, "%s: has no \"images\"", stream->path);
    for (;;) {
        struct json_element element;
        TRY(json_stream_element(stream, &element));
        if (!element.bytes) break;
        TRY(mem_reserve(&s->images, &capacity, s->n_images + 1, sizeof *s->images));
        struct survey_image *image = &s->images[s->n_images];
        *image = (struct survey_image){.width = 0};
        enum status status = coco_read_image(stream, &element, &s->names, &image->entry);
        if (status == OK)
            s->n_images++;
        else
            TRY(note_malformed(s, status));
    }
    if (s->n_images) qsort(s->images, s->n_images, sizeof *s->images, compare_images);
    return merge_images(s);
}

static size_t find_image(const struct survey *s, int64_t id)
{
    struct survey_image key = {.entry.id = id};
    const struct survey_image *found =
        s->n_images ? (const struct survey_image *)bsearch(&key, s->images, s->n_images, sizeof key,
                                                           compare_images)
                    : NULL;
    return found ? (size_t)(found - s->images) : SIZE_MAX;
}

static int find_category(const struct survey *s, int64_t id)
{
    struct coco_category key = {.id = id};
    const struct coco_category *found =
        s->n_categories ? (const struct coco_category *)bsearch(
                              &key, s->categories, s->n_categories, sizeof key, compare_categories)
                        : NULL;
    return found ? (int)(found - s->categories) : -1;
}

static enum status place_object(struct survey *s, struct survey_object *object, int64_t image_id,
                                int64_t category_id)
{
    const int64_t *id = &object->object.id;
    object->image = find_image(s, image_id);
    object->object.category = find_category(s, category_id);
    if (object->image == SIZE_MAX)
        TRY(defects_add(&s->defects, DEFECT_KIND_UNKNOWN_IMAGE, NULL, id, "image_id %" PRId64,
                        image_id));
    if (object->object.category < 0)
        TRY(defects_add(&s->defects, DEFECT_KIND_UNKNOWN_CATEGORY, &image_id, id,
                        "category_id %" PRId64, category_id));
    s->n_masks += object->object.segmentation_bytes > 0;
    return OK;
}

static enum status read_objects(struct json_stream *stream, struct survey *s)
{
    bool is_there;
    size_t capacity = 0;
    TRY(find_array(stream, "annotations", &is_there));
    while (is_there) {
        struct json_element element;
        int64_t image_id, category_id;
        TRY(json_stream_element(stream, &element));
        if (!element.bytes) break;
        TRY(mem_reserve(&s->objects, &capacity, s->n_objects + 1, sizeof *s->objects));
        struct survey_object *object = &s->objects[s->n_objects];
        *object = (struct survey_object){.is_valid = false};
        enum status status =
            coco_read_object(stream, &element, &object->object, &image_id, &category_id);
        if (status != OK) {
            TRY(note_malformed(s, status));
            continue;
        }
        TRY(place_object(s, object, image_id, category_id));
        s->n_objects++;
    }
    if (s->n_objects) qsort(s->objects, s->n_objects, sizeof *s->objects, compare_objects);
    for (size_t i = 0; i < s->n_objects && s->objects[i].image != SIZE_MAX; i++) {
        struct coco_image *image = &s->images[s->objects[i].image].entry;
        if (image->n_objects++ == 0) image->first = i;
        s->n_known++;
    }
    return OK;
}

static int compare_int64(const void *a, const void *b)
{
    return by_id(*(const int64_t *)a, *(const int64_t *)b);
}

static enum status find_duplicate_ids(struct survey *s)
{
    enum status status = OK;
    int64_t *ids = (int64_t *)mem_alloc(s->n_objects, sizeof *ids);
    if (!ids) return ERR_MEMORY;
    for (size_t i = 0; i < s->n_objects; i++) ids[i] = s->objects[i].object.id;
    if (s->n_objects) qsort(ids, s->n_objects, sizeof *ids, compare_int64);
    for (size_t i = 1; i < s->n_objects && status == OK; i++)
        if (ids[i] == ids[i - 1] && (i < 2 || ids[i - 2] != ids[i]))
            status = defects_add(&s->defects, DEFECT_KIND_DUPLICATE_ID, NULL, &ids[i],
                                 "annotation id %" PRId64, ids[i]);
    mem_free(ids);
    return status;
}

enum status survey_read(struct survey *survey)
{
    struct json_stream stream = {0};
    enum status status = OK;
    GUARD(json_stream_open(&stream, survey->path));
    GUARD(read_categories(&stream, survey));
    GUARD(read_images(&stream, survey));
    GUARD(read_objects(&stream, survey));
    GUARD(find_duplicate_ids(survey));
done:
    json_stream_close(&stream);
    return status;
}
