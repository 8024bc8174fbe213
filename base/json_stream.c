#define _GNU_SOURCE // madvise
#include "base/json_stream.h"

#include <string.h>
#include <sys/mman.h>

#include "base/mem.h"

enum {
    AT_START,
    BEFORE_MEMBER, // behind '{', or behind a member's value
    AT_VALUE,      // the current member's value was not touched yet
    IN_ARRAY,      // behind an element
    AT_END,
};

static enum status parse_fail(const struct json_stream *stream)
{
    const struct json_cursor *cursor = &stream->cursor;
    return fail(ERR_PARSE, "%s: byte %zu: %s", stream->path, (size_t)(cursor->at - cursor->begin),
                cursor->error);
}

enum status json_stream_open(struct json_stream *stream, const char *path)
{
    memset(stream, 0, sizeof *stream);
    if (snprintf(stream->path, sizeof stream->path, "%s", path) >= (int)sizeof stream->path)
        return fail(ERR_IO, "path too long: %.200s...", path);
    TRY(file_map_open(path, &stream->map));
    if (stream->map.n_bytes)
        (void)madvise((void *)(uintptr_t)stream->map.bytes, stream->map.n_bytes, MADV_SEQUENTIAL);
    json_stream_rewind(stream);
    return OK;
}

void json_stream_close(struct json_stream *stream)
{
    file_map_close(&stream->map);
}

void json_stream_rewind(struct json_stream *stream)
{
    const unsigned char *begin = stream->map.bytes;
    stream->cursor = (struct json_cursor){begin, begin, begin + stream->map.n_bytes, NULL};
    stream->state = AT_START;
    stream->dropped = begin;
}

static void enter_value(struct json_stream *stream)
{
    json_skip_space(&stream->cursor);
    stream->state = AT_VALUE;
    stream->index = 0;
    stream->kind = JSON_NULL;
    if (stream->cursor.at >= stream->cursor.end) return; // reading the value will report it
    switch (*stream->cursor.at) {
    case '[':
        stream->kind = JSON_ARRAY;
        break;
    case '{':
        stream->kind = JSON_OBJECT;
        break;
    case '"':
        stream->kind = JSON_STRING;
        break;
    case 't':
    case 'f':
        stream->kind = JSON_BOOL;
        break;
    case 'n':
        break;
    default:
        stream->kind = JSON_NUMBER;
    }
}

void json_stream_seek(struct json_stream *stream, const char *name, uint64_t offset)
{
    stream->cursor.at = stream->cursor.begin + offset;
    stream->dropped = stream->cursor.at;
    snprintf(stream->name, sizeof stream->name, "%s", name);
    enter_value(stream);
}

// Reads the name before ':'. Escapes are rare in names, so cJSON decodes those.
static enum status read_name(struct json_stream *stream)
{
    struct json_cursor *cursor = &stream->cursor;
    json_skip_space(cursor);
    const unsigned char *begin = cursor->at;
    if (!json_skip_string(cursor)) return parse_fail(stream);
    size_t n = (size_t)(cursor->at - begin);
    if (memchr(begin, '\\', n) && n < 6 * JSON_NAME_BYTES) {
        cJSON *decoded = cJSON_ParseWithLengthOpts((const char *)begin, n, NULL, 0);
        if (!decoded) return fail(ERR_MEMORY, "%s: out of memory", stream->path); // it was checked
        snprintf(stream->name, sizeof stream->name, "%s", decoded->valuestring);
        cJSON_Delete(decoded);
    } else {
        size_t length = n - 2 < JSON_NAME_BYTES ? n - 2 : JSON_NAME_BYTES - 1;
        memcpy(stream->name, begin + 1, length);
        stream->name[length] = 0;
    }
    if (!json_skip_byte(cursor, ':', "expected ':'")) return parse_fail(stream);
    return OK;
}

static enum status finish(struct json_stream *stream)
{
    if (!json_skip_end(&stream->cursor)) return parse_fail(stream);
    stream->state = AT_END;
    return OK;
}

static enum status begin_file(struct json_stream *stream)
{
    struct json_cursor *cursor = &stream->cursor;
    if (cursor->end - cursor->at >= 3 && memcmp(cursor->at, "\xEF\xBB\xBF", 3) == 0)
        cursor->at += 3; // a byte order mark
    json_skip_space(cursor);
    stream->is_object = cursor->at < cursor->end && *cursor->at == '{';
    if (stream->is_object) {
        cursor->at++;
        json_skip_space(cursor);
        if (cursor->at < cursor->end && *cursor->at == '}') {
            cursor->at++;
            return finish(stream);
        }
        TRY(read_name(stream));
    } else if (cursor->at < cursor->end && *cursor->at == '[') {
        stream->name[0] = 0;
    } else {
        cursor->error = cursor->at < cursor->end ? "expected '{' or '['" : "unexpected end of file";
        return parse_fail(stream);
    }
    enter_value(stream);
    return OK;
}

static enum status skip_rest_of_member(struct json_stream *stream)
{
    struct json_element element;
    if (stream->state == AT_VALUE && stream->kind != JSON_ARRAY)
        return json_stream_value(stream, &element);
    while (stream->state == AT_VALUE || stream->state == IN_ARRAY)
        TRY(json_stream_element(stream, &element));
    return OK;
}

enum status json_stream_member(struct json_stream *stream, struct json_member *member)
{
    struct json_cursor *cursor = &stream->cursor;
    if (stream->state == AT_START) {
        TRY(begin_file(stream));
    } else {
        TRY(skip_rest_of_member(stream));
        if (stream->state == BEFORE_MEMBER) {
            json_skip_space(cursor);
            if (cursor->at < cursor->end && *cursor->at == ',') {
                cursor->at++;
                TRY(read_name(stream));
                enter_value(stream);
            } else {
                if (!json_skip_byte(cursor, '}', "expected ',' or '}'")) return parse_fail(stream);
                TRY(finish(stream));
            }
        }
    }
    *member = (struct json_member){0};
    if (stream->state == AT_END) return OK;
    member->name = stream->name;
    member->kind = stream->kind;
    member->offset = (uint64_t)(cursor->at - cursor->begin);
    return OK;
}

static enum status leave_value(struct json_stream *stream)
{
    stream->state = BEFORE_MEMBER;
    return stream->is_object ? OK : finish(stream);
}

static enum status take_value(struct json_stream *stream, struct json_element *element)
{
    struct json_cursor *cursor = &stream->cursor;
    json_skip_space(cursor);
    const unsigned char *begin = cursor->at;
    stream->dropped = file_map_drop(stream->dropped, begin);
    if (!json_skip_value(cursor)) return parse_fail(stream);
    *element = (struct json_element){begin, (size_t)(cursor->at - begin),
                                     (uint64_t)(begin - cursor->begin), stream->index};
    return OK;
}

enum status json_stream_value(struct json_stream *stream, struct json_element *value)
{
    if (stream->state != AT_VALUE)
        return fail(ERR_DATA, "%s: \"%s\" was read already", stream->path, stream->name);
    stream->index = 0;
    TRY(take_value(stream, value));
    return leave_value(stream);
}

enum status json_stream_element(struct json_stream *stream, struct json_element *element)
{
    struct json_cursor *cursor = &stream->cursor;
    bool is_first = stream->state == AT_VALUE;
    if (is_first && stream->kind != JSON_ARRAY) {
        struct json_cursor value = *cursor;
        if (!json_skip_value(&value)) { // no value at all
            *cursor = value;
            return parse_fail(stream);
        }
        return fail(ERR_DATA, "%s: \"%s\" is %s, expected an array", stream->path, stream->name,
                    json_kind_name(stream->kind));
    }
    if (!is_first && stream->state != IN_ARRAY) {
        *element = (struct json_element){0};
        return OK;
    }
    if (is_first) cursor->at++; // '['
    json_skip_space(cursor);
    if (cursor->at < cursor->end && *cursor->at == ']') {
        cursor->at++;
        *element = (struct json_element){0};
        return leave_value(stream);
    }
    if (!is_first && !json_skip_byte(cursor, ',', "expected ',' or ']'")) return parse_fail(stream);
    stream->state = IN_ARRAY;
    TRY(take_value(stream, element));
    stream->index++;
    return OK;
}

// The range of the last member `name` of an object that was checked already.
static bool find_member(const struct json_element *object, const char *name,
                        struct json_element *found)
{
    struct json_cursor cursor = {object->bytes, object->bytes, object->bytes + object->n_bytes,
                                 NULL};
    size_t name_length = strlen(name);
    bool is_found = false;
    if (*cursor.at != '{') return false;
    do {
        cursor.at++; // '{' or ','
        json_skip_space(&cursor);
        const unsigned char *key = cursor.at;
        if (!json_skip_string(&cursor)) return false; // "{}"
        size_t key_length = (size_t)(cursor.at - key) - 2;
        if (!json_skip_byte(&cursor, ':', "")) return false;
        json_skip_space(&cursor);
        const unsigned char *value = cursor.at;
        if (!json_skip_value(&cursor)) return false;
        if (key_length == name_length && memcmp(key + 1, name, name_length) == 0) {
            *found = (struct json_element){value, (size_t)(cursor.at - value),
                                           object->offset + (uint64_t)(value - object->bytes), 0};
            is_found = true;
        }
        json_skip_space(&cursor);
    } while (*cursor.at == ',');
    return is_found;
}

enum status json_stream_parse(const struct json_stream *stream, const struct json_element *element,
                              const char *omit, struct json_element *omitted, cJSON **tree)
{
    struct json_element hole = {0};
    size_t prefix = element->n_bytes, suffix = 0;
    char *text = NULL;
    if (omit && find_member(element, omit, &hole)) {
        prefix = (size_t)(hole.bytes - element->bytes);
        suffix = element->n_bytes - prefix - hole.n_bytes;
    }
    size_t n = prefix + suffix;
    if (n > JSON_MAX_ELEMENT_BYTES)
        return fail(ERR_DATA, "%s: byte %llu: an element of %zu bytes, at most %d are read",
                    stream->path, (unsigned long long)element->offset, n, JSON_MAX_ELEMENT_BYTES);
    const char *bytes = (const char *)element->bytes;
    if (hole.bytes) {
        n += 4;
        text = (char *)mem_alloc(n, 1);
        if (!text) return fail_context(ERR_MEMORY, "%s: ", stream->path);
        memcpy(text, bytes, prefix);
        memcpy(text + prefix, "null", 4);
        memcpy(text + prefix + 4, hole.bytes + hole.n_bytes, suffix);
        bytes = text;
    }
    cJSON *parsed = cJSON_ParseWithLengthOpts(bytes, n, NULL, 0);
    mem_free(text);
    // The element was checked when its range was found, so what fails now is memory.
    if (!parsed)
        return fail(ERR_MEMORY, "%s: byte %llu: out of memory while reading %zu bytes",
                    stream->path, (unsigned long long)element->offset, n);
    if (omitted) *omitted = hole;
    *tree = parsed;
    return OK;
}
