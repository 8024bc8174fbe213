#include "eval/result_read.h"

#include "eval/read.h"

enum { HAS_IMAGE = 1, HAS_CATEGORY = 2, HAS_SCORE = 4, HAS_BOX = 8, HAS_MASK = 16 };

// One result under reading.
struct reading {
    bool keeps_mask;
    struct eval_detection *detection;
    struct json_cursor segmentation; // before its value, for when there is no bbox
    unsigned has;
};

static bool read_member(struct object_reader *reader, struct reading *reading,
                        struct element_error *error)
{
    struct json_cursor *cursor = reader->cursor;
    struct eval_detection *detection = reading->detection;
    if (object_key_is(reader, "image_id")) {
        reading->has |= HAS_IMAGE;
        return read_id(cursor, "image_id", &detection->image_id, error);
    }
    if (object_key_is(reader, "category_id")) {
        reading->has |= HAS_CATEGORY;
        return read_id(cursor, "category_id", &detection->category_id, error);
    }
    if (object_key_is(reader, "score")) {
        reading->has |= HAS_SCORE;
        return read_number(cursor, "score", &detection->score, error);
    }
    if (object_key_is(reader, "bbox")) {
        bool is_empty = false; // [] is as good as none
        if (!read_box_or_none(cursor, "bbox", detection->box, &is_empty, error)) return false;
        reading->has = is_empty ? reading->has & ~(unsigned)HAS_BOX : reading->has | HAS_BOX;
        return true;
    }
    if (object_key_is(reader, "segmentation")) {
        reading->has |= HAS_MASK;
        reading->segmentation = *cursor;
        if (reading->keeps_mask) return read_mask(cursor, &detection->mask, error);
    }
    return json_skip_value(cursor);
}

bool result_read(const void *context, void *element, struct json_cursor *cursor,
                 struct element_error *error)
{
    static const struct {
        unsigned bit;
        const char *name;
    } needed[] = {{HAS_IMAGE, "image_id"}, {HAS_CATEGORY, "category_id"}, {HAS_SCORE, "score"}};
    const struct eval_reading *how = context;
    struct eval_detection *detection = element;
    struct reading reading = {.keeps_mask = how->type == EVAL_MASKS || how->area == AREA_OF_MASK,
                              .detection = detection};
    struct object_reader reader;
    if (!object_begin(&reader, cursor)) return false;
    while (object_next(&reader)) {
        if (!read_member(&reader, &reading, error)) return false;
        if (reading.has & HAS_IMAGE) {
            error->id_name = "image_id";
            error->id = detection->image_id;
        }
    }
    if (reader.is_broken) return false;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!(reading.has & needed[i].bit))
            return element_fail(error, ERR_DATA, needed[i].name, "is missing");
    detection->lacks_box = !(reading.has & HAS_BOX);
    if (!detection->lacks_box) return true;
    if (!(reading.has & HAS_MASK)) return element_fail(error, ERR_DATA, "bbox", "is missing");
    return reading.keeps_mask || read_mask(&reading.segmentation, &detection->mask, error);
}
