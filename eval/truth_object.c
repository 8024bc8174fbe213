#include "eval/read.h"
#include "eval/truth_read.h"

enum {
    HAS_ID = 1,
    HAS_IMAGE = 2,
    HAS_CATEGORY = 4,
    HAS_AREA = 8,
    HAS_BOX = 16,
    HAS_MASK = 32,
    HAS_CROWD = 64,
};

static bool needs_box(const struct eval_reading *reading)
{
    return reading->type == EVAL_BOXES || reading->area == AREA_OF_BOX;
}

static bool needs_mask(const struct eval_reading *reading)
{
    return reading->type == EVAL_MASKS || reading->area == AREA_OF_MASK;
}

static bool read_member(struct object_reader *reader, const struct eval_reading *reading,
                        struct truth_object *object, unsigned *has, struct element_error *error)
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
    if (object_key_is(reader, "bbox") && needs_box(reading)) {
        *has |= HAS_BOX;
        return read_box(cursor, "bbox", object->box, error);
    }
    if (object_key_is(reader, "segmentation") && needs_mask(reading)) {
        *has |= HAS_MASK;
        return read_mask(cursor, &object->mask, error);
    }
    if (object_key_is(reader, "iscrowd")) {
        *has |= HAS_CROWD;
        return read_flag(cursor, "iscrowd", &object->is_crowd, error);
    }
    if (object_key_is(reader, "ignore"))
        return read_flag(cursor, "ignore", &object->is_ignored, error);
    return json_skip_value(cursor);
}

static bool take_area(const struct eval_reading *reading, unsigned has, struct truth_object *object,
                      struct element_error *error)
{
    double box_area = object->box[2] * object->box[3];
    if (reading->area == AREA_OF_BOX) object->area = box_area;
    if (reading->area != AREA_OF_FILE || has & HAS_AREA) return true;
    if (!reading->derive_area)
        return element_fail(error, ERR_DATA, "area",
                            "is missing (--derive-area takes it from the mask or the box)");
    object->lacks_area = reading->type == EVAL_MASKS;
    object->area = box_area;
    return true;
}

bool truth_read_object(const void *context, void *element, struct json_cursor *cursor,
                       struct element_error *error)
{
    static const struct {
        unsigned bit;
        const char *name;
    } needed[] = {{HAS_ID, "id"},
                  {HAS_IMAGE, "image_id"},
                  {HAS_CATEGORY, "category_id"},
                  {HAS_BOX, "bbox"},
                  {HAS_MASK, "segmentation"}};
    const struct eval_reading *reading = context;
    struct truth_object *object = element;
    struct object_reader reader;
    unsigned has = 0;
    if (!object_begin(&reader, cursor)) return false;
    while (object_next(&reader)) {
        if (!read_member(&reader, reading, object, &has, error)) return false;
        if (has & HAS_ID) {
            error->id_name = "id";
            error->id = object->id;
        }
    }
    if (reader.is_broken) return false;
    unsigned present = has;
    if (!needs_box(reading)) present |= HAS_BOX;
    if (!needs_mask(reading)) present |= HAS_MASK;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!(present & needed[i].bit))
            return element_fail(error, ERR_DATA, needed[i].name, "is missing");
    object->lacks_crowd = !(has & HAS_CROWD);
    return take_area(reading, has, object, error);
}
