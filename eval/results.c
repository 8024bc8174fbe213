#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "eval/detections.h"
#include "eval/mask.h"
#include "eval/read.h"
#include "eval/truth.h"

enum { HAS_IMAGE = 1, HAS_CATEGORY = 2, HAS_SCORE = 4, HAS_BOX = 8, HAS_MASK = 16 };

// One result under reading.
struct reading {
    enum eval_type type;
    struct eval_detection *detection;
    struct json_cursor segmentation; // before its value; boxes need it only when there is no bbox
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
        if (reading->type == EVAL_MASKS) return mask_scan(cursor, &detection->mask, error);
    }
    return json_skip_value(cursor);
}

static bool read_detection(struct eval_detection *detection, enum eval_type type,
                           struct json_cursor *cursor, struct element_error *error)
{
    static const struct {
        unsigned bit;
        const char *name;
    } needed[] = {{HAS_IMAGE, "image_id"}, {HAS_CATEGORY, "category_id"}, {HAS_SCORE, "score"}};
    struct reading reading = {.type = type, .detection = detection};
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
    return type == EVAL_MASKS || mask_scan(&reading.segmentation, &detection->mask, error);
}

static bool read_box_result(void *element, struct json_cursor *cursor, struct element_error *error)
{
    return read_detection(element, EVAL_BOXES, cursor, error);
}

static bool read_mask_result(void *element, struct json_cursor *cursor, struct element_error *error)
{
    return read_detection(element, EVAL_MASKS, cursor, error);
}

// Results of another split are the usual mistake: name some ids and say how many there are.
static enum status check_images(const char *path, const struct eval_truth *truth,
                                const struct eval_detection *detections, size_t n)
{
    enum { MAX_NAMED = 5 };
    char named[MAX_NAMED * 24] = "";
    size_t n_unknown = 0, n_named = 0, used = 0, last = 0;
    int64_t previous = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t id = detections[i].image_id;
        if (truth_find_image(truth, id, &last) != TRUTH_NONE) continue;
        n_unknown++;
        if (n_named < MAX_NAMED && (n_named == 0 || id != previous)) {
            used += (size_t)snprintf(named + used, sizeof named - used, "%s%lld",
                                     n_named ? ", " : "", (long long)id);
            n_named++;
            previous = id;
        }
    }
    if (!n_unknown) return OK;
    return fail(ERR_DATA, "%s: %zu of %zu results are for images that %s does not list: %s%s", path,
                n_unknown, n, truth->path, named, n_unknown > n_named ? ", ..." : "");
}

static enum status read_results(const char *path, enum eval_type type, struct json_cursor *cursor,
                                struct eval_results *results)
{
    struct array_format format = {path, "", sizeof *results->detections,
                                  type == EVAL_MASKS ? read_mask_result : read_box_result, NULL,
                                  false};
    if (cursor->end - cursor->at >= 3 && memcmp(cursor->at, "\xEF\xBB\xBF", 3) == 0)
        cursor->at += 3; // a byte order mark
    json_skip_space(cursor);
    if (cursor->at < cursor->end && *cursor->at == '{')
        return fail(ERR_DATA,
                    "%s: an object, expected an array of results; is this an annotation "
                    "file?",
                    path);
    if (cursor->at >= cursor->end || *cursor->at != '[')
        return fail(ERR_PARSE, "%s: byte %zu: %s", path, (size_t)(cursor->at - cursor->begin),
                    cursor->at < cursor->end ? "expected '['" : "unexpected end of file");
    TRY(array_read(&format, cursor, omp_get_max_threads(), &results->detections, &results->n));
    if (!json_skip_end(cursor))
        return fail(ERR_PARSE, "%s: byte %zu: %s", path, (size_t)(cursor->at - cursor->begin),
                    cursor->error);
    return OK;
}

// In pycocotools a bbox beside the segmentation takes the place of the mask's area.
static void note_boxes(const char *path, const struct eval_results *results)
{
    for (size_t i = 0; i < results->n; i++)
        if (results->detections[i].mask.kind != MASK_NONE && !results->detections[i].lacks_box) {
            log_info("%s: results hold bbox beside segmentation; small, medium and large are "
                     "told by the masks' areas",
                     path);
            return;
        }
}

enum status eval_results_open(const char *path, const struct eval_truth *truth, enum eval_type type,
                              struct eval_results *out)
{
    struct eval_results results = {.detections = NULL};
    enum status status = OK;
    GUARD(file_map_open(path, &results.map));
    struct json_cursor cursor = {results.map.bytes, results.map.bytes,
                                 results.map.bytes + results.map.n_bytes, NULL};
    GUARD(read_results(path, type, &cursor, &results));
    GUARD(check_images(path, truth, results.detections, results.n));
    GUARD(detections_measure(path, truth, &results));
    if (results.n == 0) log_warn("%s: no results", path);
    if (type == EVAL_MASKS) note_boxes(path, &results);
    *out = results;
    results = (struct eval_results){.detections = NULL};
done:
    eval_results_close(&results);
    return status;
}

void eval_results_close(struct eval_results *results)
{
    mem_free(results->detections);
    file_map_close(&results->map);
    *results = (struct eval_results){.detections = NULL};
}

enum status eval_results_load(const char *path, const struct eval_truth *truth,
                              struct eval_detection **detections, size_t *n)
{
    struct eval_results results;
    TRY(eval_results_open(path, truth, EVAL_BOXES, &results));
    // What was measured stays; the text does not.
    for (size_t i = 0; i < results.n; i++)
        results.detections[i].mask = (struct eval_mask){.kind = MASK_NONE};
    *detections = results.detections;
    *n = results.n;
    results.detections = NULL;
    eval_results_close(&results);
    return OK;
}
