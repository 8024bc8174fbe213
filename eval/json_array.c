#include "eval/json_array.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

enum { MAX_PARTS = 64 };
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
enum { MIN_PART_BYTES = 16 }; // small inputs are cut too
#else
enum { MIN_PART_BYTES = 1 << 18 };
#endif

struct part {
    const unsigned char *begin, *end; // begin: first element; end: where the next part begins
    const unsigned char *stopped;     // at the next element, or behind ']'
    char *elements;
    size_t n, capacity;
    bool is_last; // the array ended
    bool is_broken;
    const unsigned char *element; // the last one
    struct json_cursor cursor;    // of the error
    struct element_error error;
};

bool element_fail(struct element_error *error, enum status status, const char *member,
                  const char *what)
{
    error->status = status;
    error->member = member;
    error->what = what;
    return false;
}

static bool at_byte(struct json_cursor *cursor, unsigned char byte)
{
    json_skip_space(cursor);
    return cursor->at < cursor->end && *cursor->at == byte;
}

static void clear_part(const struct array_format *format, struct part *part)
{
    for (size_t i = 0; format->destroy && i < part->n; i++)
        format->destroy(part->elements + i * format->element_bytes);
    part->n = 0;
}

static bool read_element(const struct array_format *format, struct part *part,
                         struct json_cursor *cursor)
{
    part->error = (struct element_error){.status = ERR_PARSE};
    part->element = cursor->at;
    if (mem_reserve(&part->elements, &part->capacity, part->n + 1, format->element_bytes) != OK)
        return element_fail(&part->error, ERR_MEMORY, NULL, "out of memory");
    char *element = part->elements + part->n * format->element_bytes;
    memset(element, 0, format->element_bytes);
    if (!format->read(format->context, element, cursor, &part->error)) return false;
    part->n++;
    return true;
}

// From the first byte of an element on, until an element begins at or behind part->end.
static void read_part(const struct array_format *format, const struct json_cursor *file,
                      struct part *part)
{
    struct json_cursor cursor = {file->begin, part->begin, file->end, NULL};
    const unsigned char *dropped = part->begin;
    part->is_last = part->is_broken = false;
    while (read_element(format, part, &cursor)) {
        if (format->is_mapped) dropped = file_map_drop(dropped, part->element);
        if (at_byte(&cursor, ',')) {
            cursor.at++;
            json_skip_space(&cursor);
            part->stopped = cursor.at;
            if (cursor.at >= part->end) return;
            continue;
        }
        part->error = (struct element_error){.status = ERR_PARSE};
        if (!json_skip_byte(&cursor, ']', "expected ',' or ']'")) break;
        part->stopped = cursor.at;
        part->is_last = true;
        return;
    }
    part->is_broken = true;
    part->cursor = cursor;
}

static enum status report(const struct array_format *format, const struct part *part, size_t index)
{
    const struct element_error *error = &part->error;
    size_t byte = (size_t)(part->cursor.at - part->cursor.begin);
    if (error->status == ERR_MEMORY)
        return fail(ERR_MEMORY, "%s: out of memory while reading", format->path);
    if (error->status == ERR_PARSE)
        return fail(ERR_PARSE, "%s: byte %zu: %s", format->path, byte,
                    part->cursor.error ? part->cursor.error : "malformed");
    byte = (size_t)(part->element - part->cursor.begin);
    char id[64] = "";
    if (error->id_name) snprintf(id, sizeof id, ", %s %lld", error->id_name, error->id);
    return fail(error->status, "%s: %s[%zu] (byte %zu%s): %s%s%s", format->path, format->name,
                index, byte, id, error->member ? error->member : "", error->member ? " " : "",
                error->what);
}

// The first place behind `from` that looks like the border of two objects; the end when none does.
static const unsigned char *guess_border(const unsigned char *from, const unsigned char *end)
{
    while (from < end) {
        const unsigned char *brace = memchr(from, '}', (size_t)(end - from));
        if (!brace) break;
        struct json_cursor cursor = {brace, brace + 1, end, NULL};
        if (at_byte(&cursor, ',')) {
            cursor.at++;
            if (at_byte(&cursor, '{')) return cursor.at;
        }
        from = brace + 1;
    }
    return end;
}

// Checks that each part begins where the one before ended, and mends those that do not.
static enum status verify_parts(const struct array_format *format, struct json_cursor *file,
                                struct part *parts, int n_parts, size_t *n)
{
    const unsigned char *expected = parts[0].begin;
    bool is_done = false;
    *n = 0;
    for (int i = 0; i < n_parts; i++) {
        struct part *part = &parts[i];
        if (is_done || expected >= part->end) {
            clear_part(format, part);
            continue;
        }
        if (part->begin != expected) {
            clear_part(format, part);
            part->begin = expected;
            read_part(format, file, part);
        }
        *n += part->n;
        if (part->is_broken) return report(format, part, *n);
        expected = part->stopped;
        is_done = part->is_last;
    }
    file->at = expected;
    if (!is_done) // behind a comma nothing came
        return fail(ERR_PARSE, "%s: byte %zu: unexpected end of file", format->path,
                    (size_t)(expected - file->begin));
    return OK;
}

static void divide(const struct json_cursor *cursor, struct part *parts, int n_parts)
{
    size_t stride = (size_t)(cursor->end - cursor->at) / (size_t)n_parts + 1;
    if (stride < MIN_PART_BYTES) stride = MIN_PART_BYTES;
    parts[0].begin = cursor->at;
    for (int i = 1; i < n_parts; i++) {
        const unsigned char *from = parts[i - 1].begin;
        parts[i].begin = (size_t)(cursor->end - from) > stride
                             ? guess_border(from + stride, cursor->end)
                             : cursor->end;
        parts[i - 1].end = parts[i].begin;
    }
    parts[n_parts - 1].end = cursor->end;
}

enum status array_read(const struct array_format *format, struct json_cursor *cursor, int n_threads,
                       void *elements, size_t *n)
{
    struct part parts[MAX_PARTS] = {0};
    int n_parts = n_threads > 1 ? n_threads * 4 : 1;
    if (n_parts > MAX_PARTS) n_parts = MAX_PARTS;
    char *joined = NULL;
    size_t total = 0, used = 0;
    enum status status = OK;
    cursor->at++; // '['
    if (at_byte(cursor, ']')) {
        cursor->at++;
        n_parts = 0;
    } else {
        divide(cursor, parts, n_parts);
#pragma omp parallel for schedule(dynamic, 1) num_threads(n_threads)
        for (int i = 0; i < n_parts; i++)
            if (i == 0 || parts[i].begin < cursor->end) read_part(format, cursor, &parts[i]);
        GUARD(verify_parts(format, cursor, parts, n_parts, &total));
    }
    joined = mem_alloc(total, format->element_bytes);
    if (!joined) {
        status = ERR_MEMORY;
        goto done;
    }
    for (int i = 0; i < n_parts; i++) {
        size_t bytes = parts[i].n * format->element_bytes;
        if (bytes) memcpy(joined + used, parts[i].elements, bytes);
        used += bytes;
        parts[i].n = 0; // what the elements own has moved
    }
    memcpy(elements, &joined, sizeof joined);
    *n = total;
done:
    for (int i = 0; i < n_parts; i++) {
        clear_part(format, &parts[i]);
        mem_free(parts[i].elements);
    }
    return status;
}
