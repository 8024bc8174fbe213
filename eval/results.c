#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "eval/read.h"
#include "eval/truth.h"

enum { HAS_IMAGE = 1, HAS_CATEGORY = 2, HAS_BOX = 4, HAS_SCORE = 8 };

static bool read_detection_member(struct object_reader *reader, struct eval_detection *detection,
                                  unsigned *has, struct element_error *error)
{
    struct json_cursor *cursor = reader->cursor;
    if (object_key_is(reader, "image_id")) {
        *has |= HAS_IMAGE;
        return read_id(cursor, "image_id", &detection->image_id, error);
    }
    if (object_key_is(reader, "category_id")) {
        *has |= HAS_CATEGORY;
        return read_id(cursor, "category_id", &detection->category_id, error);
    }
    if (object_key_is(reader, "bbox")) {
        *has |= HAS_BOX;
        return read_box(cursor, "bbox", detection->box, error);
    }
    if (object_key_is(reader, "score")) {
        *has |= HAS_SCORE;
        return read_number(cursor, "score", &detection->score, error);
    }
    return json_skip_value(cursor);
}

static bool read_detection(void *element, struct json_cursor *cursor, struct element_error *error)
{
    static const struct {
        unsigned bit;
        const char *name;
    } needed[] = {{HAS_IMAGE, "image_id"},
                  {HAS_CATEGORY, "category_id"},
                  {HAS_BOX, "bbox"},
                  {HAS_SCORE, "score"}};
    struct eval_detection *detection = element;
    struct object_reader reader;
    unsigned has = 0;
    if (!object_begin(&reader, cursor)) return false;
    while (object_next(&reader)) {
        if (!read_detection_member(&reader, detection, &has, error)) return false;
        if (has & HAS_IMAGE) {
            error->id_name = "image_id";
            error->id = detection->image_id;
        }
    }
    if (reader.is_broken) return false;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!(has & needed[i].bit))
            return element_fail(error, ERR_DATA, needed[i].name, "is missing");
    return true;
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

static enum status read_results(const char *path, struct json_cursor *cursor,
                                struct eval_detection **detections, size_t *n)
{
    struct array_format format = {path, "", sizeof **detections, read_detection, NULL};
    struct eval_detection *read = NULL;
    size_t n_read;
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
    TRY(array_read(&format, cursor, omp_get_max_threads(), &read, &n_read));
    if (!json_skip_end(cursor)) {
        mem_free(read);
        return fail(ERR_PARSE, "%s: byte %zu: %s", path, (size_t)(cursor->at - cursor->begin),
                    cursor->error);
    }
    *detections = read;
    *n = n_read;
    return OK;
}

enum status eval_results_load(const char *path, const struct eval_truth *truth,
                              struct eval_detection **detections, size_t *n)
{
    struct file_map map;
    struct eval_detection *read = NULL;
    size_t n_read = 0;
    TRY(file_map_open(path, &map));
    struct json_cursor cursor = {map.bytes, map.bytes, map.bytes + map.n_bytes, NULL};
    enum status status = read_results(path, &cursor, &read, &n_read);
    file_map_close(&map);
    if (status != OK) return status;
    status = check_images(path, truth, read, n_read);
    if (status != OK) {
        mem_free(read);
        return status;
    }
    if (n_read == 0) log_warn("%s: no results", path);
    *detections = read;
    *n = n_read;
    return OK;
}

// As few digits as read back as the same double, out of three lengths.
static void write_number(FILE *stream, double value)
{
    static const int lengths[] = {6, 15, 17};
    char text[40];
    for (int i = 0; i < 3; i++) {
        snprintf(text, sizeof text, "%.*g", lengths[i], value);
        if (strtod(text, NULL) == value) break;
    }
    fputs(text, stream);
}

static bool is_finite_detection(const struct eval_detection *d)
{
    return isfinite(d->box[0]) && isfinite(d->box[1]) && isfinite(d->box[2]) &&
           isfinite(d->box[3]) && isfinite(d->score);
}

enum status eval_results_save(const char *path, const struct eval_detection *detections, size_t n)
{
    struct file_writer writer;
    for (size_t i = 0; i < n; i++)
        if (!is_finite_detection(&detections[i]))
            return fail(ERR_NUMERIC, "%s: result %zu (image_id %lld) is not finite", path, i,
                        (long long)detections[i].image_id);
    TRY(file_writer_begin(&writer, path));
    FILE *stream = writer.stream;
    fputc('[', stream);
    for (size_t i = 0; i < n; i++) {
        const struct eval_detection *d = &detections[i];
        fprintf(stream, "%s{\"image_id\":%lld,\"category_id\":%lld,\"bbox\":[", i ? ",\n" : "\n",
                (long long)d->image_id, (long long)d->category_id);
        for (int k = 0; k < 4; k++) {
            if (k) fputc(',', stream);
            write_number(stream, d->box[k]);
        }
        fputs("],\"score\":", stream);
        write_number(stream, d->score);
        fputc('}', stream);
    }
    fputs("\n]\n", stream);
    return file_writer_commit(&writer);
}
