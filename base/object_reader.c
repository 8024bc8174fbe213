#include "base/object_reader.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

static bool next_is(struct json_cursor *cursor, unsigned char byte)
{
    json_skip_space(cursor);
    return cursor->at < cursor->end && *cursor->at == byte;
}

bool object_begin(struct object_reader *reader, struct json_cursor *cursor)
{
    reader->cursor = cursor;
    reader->is_first = true;
    reader->is_broken = false;
    return json_skip_byte(cursor, '{', "expected an object");
}

static bool broken(struct object_reader *reader)
{
    reader->is_broken = true;
    return false;
}

bool object_next(struct object_reader *reader)
{
    struct json_cursor *cursor = reader->cursor;
    if (next_is(cursor, '}')) {
        cursor->at++;
        return false;
    }
    if (!reader->is_first && !json_skip_byte(cursor, ',', "expected ',' or '}'"))
        return broken(reader);
    reader->is_first = false;
    json_skip_space(cursor);
    const unsigned char *quote = cursor->at;
    if (!json_skip_string(cursor)) return broken(reader);
    reader->key = (const char *)quote + 1;
    reader->key_bytes = (size_t)(cursor->at - quote) - 2;
    if (memchr(reader->key, '\\', reader->key_bytes)) {
        // Longer than any name that is asked for, or decoded: "\u0069d" is "id".
        reader->decoded[0] = 0;
        if (reader->key_bytes < 6 * sizeof reader->decoded) {
            cJSON *text =
                cJSON_ParseWithLengthOpts((const char *)quote, reader->key_bytes + 2, NULL, 0);
            if (text) snprintf(reader->decoded, sizeof reader->decoded, "%s", text->valuestring);
            cJSON_Delete(text);
        }
        reader->key = reader->decoded;
        reader->key_bytes = strlen(reader->decoded);
    }
    return json_skip_byte(cursor, ':', "expected ':'") || broken(reader);
}

bool object_key_is(const struct object_reader *reader, const char *name)
{
    size_t n = strlen(name);
    return n == reader->key_bytes && memcmp(name, reader->key, n) == 0;
}
