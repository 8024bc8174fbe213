#include "eval/truth_read.h"

#include <string.h>

#include "base/json_number.h"
#include "base/mem.h"
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

static bool read_image(const void *context, void *element, struct json_cursor *cursor,
                       struct element_error *error)
{
    (void)context;
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

static bool read_category(const void *context, void *element, struct json_cursor *cursor,
                          struct element_error *error)
{
    (void)context;
    if (read_category_members(element, cursor, error)) return true;
    destroy_category(element);
    return false;
}

static enum status syntax_fail(const char *path, const struct json_cursor *cursor)
{
    return fail(ERR_PARSE, "%s: byte %zu: %s", path, (size_t)(cursor->at - cursor->begin),
                cursor->error);
}

static enum status read_member(struct eval_truth *truth, const struct object_reader *reader,
                               const struct eval_reading *reading, int n_threads)
{
    struct json_cursor *cursor = reader->cursor;
    struct array_format format = {.path = truth->path, .context = reading, .is_mapped = true};
    bool is_images = object_key_is(reader, "images");
    bool is_categories = object_key_is(reader, "categories");
    json_skip_space(cursor);
    if (!is_images && !is_categories && !object_key_is(reader, "annotations"))
        return json_skip_value(cursor) ? OK : syntax_fail(truth->path, cursor);
    format.name = is_images ? "images" : is_categories ? "categories" : "annotations";
    if (cursor->at >= cursor->end || *cursor->at != '[') {
        if (!json_skip_value(cursor)) return syntax_fail(truth->path, cursor);
        return fail(ERR_DATA, "%s: \"%s\" is not an array", truth->path, format.name);
    }
    // As in Python, the last of two members of one name counts. Threads guess that an array reaches
    // to the end of the file, which is so for annotations alone.
    if (is_images) {
        format.element_bytes = sizeof *truth->images;
        format.read = read_image;
        mem_free(truth->images);
        truth->images = NULL;
        return array_read(&format, cursor, 1, &truth->images, &truth->n_images);
    }
    if (is_categories) {
        format.element_bytes = sizeof *truth->categories;
        format.read = read_category;
        format.destroy = destroy_category;
        for (size_t i = 0; i < truth->n_categories; i++) destroy_category(&truth->categories[i]);
        mem_free(truth->categories);
        truth->categories = NULL;
        truth->n_categories = 0;
        return array_read(&format, cursor, 1, &truth->categories, &truth->n_categories);
    }
    format.element_bytes = sizeof *truth->objects;
    format.read = truth_read_object;
    mem_free(truth->objects);
    truth->objects = NULL;
    truth->n_objects = 0;
    return array_read(&format, cursor, n_threads, &truth->objects, &truth->n_objects);
}

static enum status read_file(struct eval_truth *truth, struct json_cursor *cursor,
                             const struct eval_reading *reading, int n_threads)
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
    while (object_next(&reader)) TRY(read_member(truth, &reader, reading, n_threads));
    if (reader.is_broken || !json_skip_end(cursor)) return syntax_fail(truth->path, cursor);
    const char *missing = !truth->images       ? "images"
                          : !truth->categories ? "categories"
                          : !truth->objects    ? "annotations"
                                               : NULL;
    if (missing) return fail(ERR_DATA, "%s: no array \"%s\"", truth->path, missing);
    return OK;
}

enum status truth_read(struct eval_truth *truth, const struct file_map *map,
                       const struct eval_reading *reading, int n_threads)
{
    struct json_cursor cursor = {map->bytes, map->bytes, map->bytes + map->n_bytes, NULL};
    return read_file(truth, &cursor, reading, n_threads);
}
