#include "eval/read.h"

#include <cjson/cJSON.h>
#include <math.h>

#include "base/json_number.h"
#include "base/mem.h"

// Whether a number comes next. Otherwise the value is skipped, so that broken syntax is reported as
// such, and only a sound value as one of the wrong kind.
static bool expect_number(struct json_cursor *cursor, const char *member,
                          struct element_error *error, const char *what)
{
    json_skip_space(cursor);
    unsigned char byte = cursor->at < cursor->end ? *cursor->at : 0;
    if (byte == '-' || (byte >= '0' && byte <= '9')) return true;
    if (!json_skip_value(cursor)) return false;
    return element_fail(error, ERR_DATA, member, what);
}

bool read_id(struct json_cursor *cursor, const char *member, int64_t *id,
             struct element_error *error)
{
    static const char what[] = "is not a whole number";
    struct json_number number;
    if (!expect_number(cursor, member, error, what)) return false;
    if (!json_read_number(cursor, &number)) return false;
    if (!number.is_integer) return element_fail(error, ERR_DATA, member, what);
    *id = number.integer;
    return true;
}

bool read_number(struct json_cursor *cursor, const char *member, double *value,
                 struct element_error *error)
{
    struct json_number number;
    if (!expect_number(cursor, member, error, "is not a number")) return false;
    if (!json_read_number(cursor, &number)) return false;
    if (!isfinite(number.value)) return element_fail(error, ERR_DATA, member, "is not finite");
    *value = number.value;
    return true;
}

bool read_box(struct json_cursor *cursor, const char *member, double box[4],
              struct element_error *error)
{
    static const char what[] = "is not an array of four numbers";
    json_skip_space(cursor);
    if (cursor->at >= cursor->end || *cursor->at != '[') {
        if (!json_skip_value(cursor)) return false;
        return element_fail(error, ERR_DATA, member, what);
    }
    cursor->at++;
    for (int i = 0; i < 4; i++) {
        json_skip_space(cursor);
        if (cursor->at < cursor->end && *cursor->at == ']')
            return element_fail(error, ERR_DATA, member, what);
        if (i > 0 && !json_skip_byte(cursor, ',', "expected ',' or ']'")) return false;
        if (!read_number(cursor, member, &box[i], error)) return false;
    }
    json_skip_space(cursor);
    if (cursor->at < cursor->end && *cursor->at == ',')
        return element_fail(error, ERR_DATA, member, what);
    return json_skip_byte(cursor, ']', "expected ',' or ']'");
}

bool read_box_or_none(struct json_cursor *cursor, const char *member, double box[4], bool *is_empty,
                      struct element_error *error)
{
    struct json_cursor ahead = *cursor;
    *is_empty = false;
    json_skip_space(&ahead);
    if (ahead.at < ahead.end && *ahead.at == '[') {
        ahead.at++;
        json_skip_space(&ahead);
        if (ahead.at < ahead.end && *ahead.at == ']') {
            cursor->at = ahead.at + 1;
            *is_empty = true;
            return true;
        }
    }
    return read_box(cursor, member, box, error);
}

bool read_flag(struct json_cursor *cursor, const char *member, bool *flag,
               struct element_error *error)
{
    json_skip_space(cursor);
    unsigned char byte = cursor->at < cursor->end ? *cursor->at : 0;
    if (byte == 't' || byte == 'f' || byte == 'n') {
        *flag = byte == 't';
        return json_skip_value(cursor);
    }
    double value;
    if (!read_number(cursor, member, &value, error)) return false;
    *flag = value != 0;
    return true;
}

bool read_string(struct json_cursor *cursor, const char *member, char **text,
                 struct element_error *error)
{
    json_skip_space(cursor);
    const unsigned char *begin = cursor->at;
    if (!json_skip_value(cursor)) return false;
    if (*begin != '"') return element_fail(error, ERR_DATA, member, "is not a string");
    cJSON *decoded =
        cJSON_ParseWithLengthOpts((const char *)begin, (size_t)(cursor->at - begin), NULL, 0);
    char *copy = decoded ? mem_strdup(decoded->valuestring) : NULL;
    cJSON_Delete(decoded);
    if (!copy) return element_fail(error, ERR_MEMORY, NULL, "out of memory");
    *text = copy;
    return true;
}

bool read_mask(struct json_cursor *cursor, struct mask_text *mask, struct element_error *error)
{
    struct mask_error wrong;
    if (mask_scan(cursor, mask, &wrong)) return true;
    return wrong.what ? element_fail(error, ERR_DATA, wrong.member, wrong.what) : false;
}
