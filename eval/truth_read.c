#include "eval/truth_read.h"

#include <string.h>

#include "base/json_number.h"
#include "base/mem.h"
#include "eval/mask.h"
#include "eval/read.h"

// Sides matter for polygons alone, which complain when they need them: a strange one counts as
// absent.
static bool read_side(struct json_cursor *cursor, int *side)
{
    struct json_cursor begin = *cursor;
    struct json_number number;
    *side = 0;
    if (json_read_number(cursor, &number)) {
        if (number.is_integer && number.integer >= 0 && number.integer <= INT32_MAX)
            *side = (int)number.integer;
        return true;
    }
    *cursor = begin;
    return json_skip_value(cursor);
}

static bool read_image(void *element, struct json_cursor *cursor, struct element_error *error)
{
    struct truth_image *image = element;
    struct object_reader reader;
    bool has_id = false, is_fine = true;
    if (!object_begin(&reader, cursor)) return false;
    while (is_fine && object_next(&reader)) {
        if (object_key_is(&reader, "id")) {
            is_fine = read_id(cursor, "id", &image->id, error);
            has_id = true;
        } else if (object_key_is(&reader, "height")) {
            is_fine = read_side(cursor, &image->height);
        } else if (object_key_is(&reader, "width")) {
            is_fine = read_side(cursor, &image->width);
        } else {
            is_fine = json_skip_value(cursor);
        }
    }
    if (!is_fine || reader.is_broken) return false;
    return has_id || element_fail(error, ERR_DATA, "id", "is missing");
}

static void destroy_category(void *element)
{
    mem_free(((struct truth_category *)element)->name);
}

static bool read_category_members(struct truth_category *category, struct json_cursor *cursor,
                                  struct element_error *error)
{
    struct object_reader reader;
    bool has_id = false;
    if (!object_begin(&reader, cursor)) return false;
    while (object_next(&reader)) {
        if (object_key_is(&reader, "id")) {
            if (!read_id(cursor, "id", &category->id, error)) return false;
            has_id = true;
        } else if (object_key_is(&reader, "name")) {
            mem_free(category->name);
            category->name = NULL;
            if (!read_string(cursor, "name", &category->name, error)) return false;
        } else if (!json_skip_value(cursor)) {
            return false;
        }
    }
    if (reader.is_broken) return false;
    if (!has_id) return element_fail(error, ERR_DATA, "id", "is missing");
    if (!category->name) category->name = mem_strdup(""); // tables then show the id alone
    return category->name || element_fail(error, ERR_MEMORY, NULL, "out of memory");
}

static bool read_category(void *element, struct json_cursor *cursor, struct element_error *error)
{
    if (read_category_members(element, cursor, error)) return true;
    destroy_category(element);
    return false;
}

enum {
    HAS_ID = 1,
    HAS_IMAGE = 2,
    HAS_CATEGORY = 4,
    HAS_AREA = 8,
    HAS_BOX = 16,
    HAS_MASK = 32,
    HAS_CROWD = 64,
};

static bool read_object_member(struct object_reader *reader, enum eval_type type,
                               struct truth_object *object, unsigned *has,
                               struct element_error *error)
{
    struct json_cursor *cursor = reader->cursor;
    if (object_key_is(reader, "id")) {
        *has |= HAS_ID;
        return read_id(cursor, "id", &object->id, error);
    }
    if (object_key_is(reader, "image_id")) {
        *has |= HAS_IMAGE;
        return read_id(cursor, "image_id", &object->image_id, error);
    }
    if (object_key_is(reader, "category_id")) {
        *has |= HAS_CATEGORY;
        return read_id(cursor, "category_id", &object->category_id, error);
    }
    if (object_key_is(reader, "area")) {
        *has |= HAS_AREA;
        return read_number(cursor, "area", &object->area, error);
    }
    if (type == EVAL_BOXES && object_key_is(reader, "bbox")) {
        *has |= HAS_BOX;
        return read_box(cursor, "bbox", object->box, error);
    }
    if (type == EVAL_MASKS && object_key_is(reader, "segmentation")) {
        *has |= HAS_MASK;
        return mask_scan(cursor, &object->mask, error);
    }
    if (object_key_is(reader, "iscrowd")) {
        *has |= HAS_CROWD;
        return read_flag(cursor, "iscrowd", &object->is_crowd, error);
    }
    if (object_key_is(reader, "ignore"))
        return read_flag(cursor, "ignore", &object->is_ignored, error);
    return json_skip_value(cursor);
}

static bool read_object(struct truth_object *object, enum eval_type type,
                        struct json_cursor *cursor, struct element_error *error)
{
    static const struct {
        unsigned bit;
        const char *name;
    } needed[] = {{HAS_ID, "id"},     {HAS_IMAGE, "image_id"}, {HAS_CATEGORY, "category_id"},
                  {HAS_AREA, "area"}, {HAS_BOX, "bbox"},       {HAS_MASK, "segmentation"}};
    struct object_reader reader;
    unsigned has = type == EVAL_BOXES ? HAS_MASK : HAS_BOX; // the other kind is not needed
    if (!object_begin(&reader, cursor)) return false;
    while (object_next(&reader)) {
        if (!read_object_member(&reader, type, object, &has, error)) return false;
        if (has & HAS_ID) {
            error->id_name = "id";
            error->id = object->id;
        }
    }
    if (reader.is_broken) return false;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!(has & needed[i].bit))
            return element_fail(error, ERR_DATA, needed[i].name, "is missing");
    object->lacks_crowd = !(has & HAS_CROWD);
    return true;
}

static bool read_box_object(void *element, struct json_cursor *cursor, struct element_error *error)
{
    return read_object(element, EVAL_BOXES, cursor, error);
}

static bool read_mask_object(void *element, struct json_cursor *cursor, struct element_error *error)
{
    return read_object(element, EVAL_MASKS, cursor, error);
}

static enum status syntax_fail(const char *path, const struct json_cursor *cursor)
{
    return fail(ERR_PARSE, "%s: byte %zu: %s", path, (size_t)(cursor->at - cursor->begin),
                cursor->error);
}

static enum status read_member(struct eval_truth *truth, const struct object_reader *reader,
                               int n_threads)
{
    struct json_cursor *cursor = reader->cursor;
    bool is_images = object_key_is(reader, "images");
    bool is_categories = object_key_is(reader, "categories");
    json_skip_space(cursor);
    if (!is_images && !is_categories && !object_key_is(reader, "annotations"))
        return json_skip_value(cursor) ? OK : syntax_fail(truth->path, cursor);
    const char *name = is_images ? "images" : is_categories ? "categories" : "annotations";
    if (cursor->at >= cursor->end || *cursor->at != '[') {
        if (!json_skip_value(cursor)) return syntax_fail(truth->path, cursor);
        return fail(ERR_DATA, "%s: \"%s\" is not an array", truth->path, name);
    }
    // As in Python, the last of two members of one name counts. Threads guess that an array reaches
    // to the end of the file, which is so for annotations alone.
    if (is_images) {
        struct array_format format = {truth->path, name, sizeof *truth->images, read_image, NULL,
                                      true};
        mem_free(truth->images);
        truth->images = NULL;
        return array_read(&format, cursor, 1, &truth->images, &truth->n_images);
    }
    if (is_categories) {
        struct array_format format = {truth->path, name, sizeof *truth->categories, read_category,
                                      destroy_category, true};
        for (size_t i = 0; i < truth->n_categories; i++) destroy_category(&truth->categories[i]);
        mem_free(truth->categories);
        truth->categories = NULL;
        truth->n_categories = 0;
        return array_read(&format, cursor, 1, &truth->categories, &truth->n_categories);
    }
    struct array_format format = {truth->path, name, sizeof *truth->objects,
                                  truth->type == EVAL_MASKS ? read_mask_object : read_box_object,
                                  NULL, true};
    mem_free(truth->objects);
    truth->objects = NULL;
    truth->n_objects = 0;
    return array_read(&format, cursor, n_threads, &truth->objects, &truth->n_objects);
}

static enum status read_file(struct eval_truth *truth, struct json_cursor *cursor, int n_threads)
{
    struct object_reader reader;
    if (cursor->end - cursor->at >= 3 && memcmp(cursor->at, "\xEF\xBB\xBF", 3) == 0)
        cursor->at += 3; // a byte order mark
    json_skip_space(cursor);
    if (cursor->at < cursor->end && *cursor->at == '[')
        return fail(ERR_DATA,
                    "%s: an array, expected an object with images, annotations and "
                    "categories; is this a results file?",
                    truth->path);
    if (!object_begin(&reader, cursor)) return syntax_fail(truth->path, cursor);
    while (object_next(&reader)) TRY(read_member(truth, &reader, n_threads));
    if (reader.is_broken || !json_skip_end(cursor)) return syntax_fail(truth->path, cursor);
    const char *missing = !truth->images       ? "images"
                          : !truth->categories ? "categories"
                          : !truth->objects    ? "annotations"
                                               : NULL;
    if (missing) return fail(ERR_DATA, "%s: no array \"%s\"", truth->path, missing);
    return OK;
}

enum status truth_read(struct eval_truth *truth, const struct file_map *map, int n_threads)
{
    struct json_cursor cursor = {map->bytes, map->bytes, map->bytes + map->n_bytes, NULL};
    return read_file(truth, &cursor, n_threads);
}
