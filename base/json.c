#include "base/json.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/file.h"
#include "base/json_scan.h"
#include "base/mem.h"

static const double MAX_WHOLE = 9007199254740992.0; // 2^53: doubles are exact up to here

static void *hook_alloc(size_t bytes)
{
    return mem_alloc(bytes, 1);
}

// Before main, so that no tree can be made by one allocator and freed by the other.
__attribute__((constructor)) static void set_hooks(void)
{
    cJSON_Hooks hooks = {hook_alloc, mem_free};
    cJSON_InitHooks(&hooks);
}

// Replaces comments by spaces, so that offsets stay true.
static void blank_comments(char *text, size_t n)
{
    bool in_string = false;
    for (size_t i = 0; i < n; i++) {
        if (in_string) {
            if (text[i] == '\\')
                i++;
            else if (text[i] == '"')
                in_string = false;
        } else if (text[i] == '"') {
            in_string = true;
        } else if (text[i] == '/' && i + 1 < n && text[i + 1] == '/') {
            while (i < n && text[i] != '\n') text[i++] = ' ';
        } else if (text[i] == '/' && i + 1 < n && text[i + 1] == '*') {
            size_t end = i + 2;
            while (end + 1 < n && !(text[end] == '*' && text[end + 1] == '/')) end++;
            if (end + 1 >= n) return; // not closed: the scanner will stop at its '/'
            for (; i < end + 2; i++)
                if (text[i] != '\n') text[i] = ' ';
            i--;
        }
    }
}

static enum status check_text(const char *name, const char *text, size_t n_bytes)
{
    const unsigned char *begin = (const unsigned char *)text;
    struct json_cursor cursor = {begin, begin, begin + n_bytes, NULL};
    if (json_skip_value(&cursor) && json_skip_end(&cursor)) return OK;
    size_t line = 1;
    for (const unsigned char *p = begin; p < cursor.at; p++) line += *p == '\n';
    return fail(ERR_PARSE, "%s: line %zu, byte %zu: %s", name, line, (size_t)(cursor.at - begin),
                cursor.error);
}

enum status json_parse(const char *name, const char *text, size_t n_bytes, bool comments,
                       cJSON **tree)
{
    static const char byte_order_mark[] = "\xEF\xBB\xBF";
    char *copy = mem_strndup(text, n_bytes);
    if (!copy) return fail_context(ERR_MEMORY, "%s: ", name);
    enum status status = OK;
    if (n_bytes >= 3 && memcmp(copy, byte_order_mark, 3) == 0) memset(copy, ' ', 3);
    if (comments) blank_comments(copy, n_bytes);
    GUARD(check_text(name, copy, n_bytes));
    cJSON *parsed = cJSON_ParseWithLengthOpts(copy, n_bytes, NULL, 0);
    // The text was checked, so what fails now is memory.
    if (parsed)
        *tree = parsed;
    else
        status = fail(ERR_MEMORY, "%s: out of memory while reading %zu bytes", name, n_bytes);
done:
    mem_free(copy);
    return status;
}

enum status json_load(const char *path, size_t max_bytes, bool comments, cJSON **tree)
{
    char *text;
    size_t n_bytes;
    TRY(file_read(path, max_bytes, &text, &n_bytes));
    enum status status = json_parse(path, text, n_bytes, comments, tree);
    mem_free(text);
    return status;
}

enum json_kind json_kind_of(const cJSON *item)
{
    if (cJSON_IsBool(item)) return JSON_BOOL;
    if (cJSON_IsNumber(item)) return JSON_NUMBER;
    if (cJSON_IsString(item)) return JSON_STRING;
    if (cJSON_IsArray(item)) return JSON_ARRAY;
    if (cJSON_IsObject(item)) return JSON_OBJECT;
    return JSON_NULL;
}

const char *json_kind_name(enum json_kind kind)
{
    static const char *const names[] = {"null",     "true or false", "a number",
                                        "a string", "an array",      "an object"};
    return names[kind];
}

enum status json_fail(enum status status, const struct json_place *place, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!place->array) return fail(status, "%s: %s", place->file, text);
    if (place->index == JSON_NO_INDEX)
        return fail(status, "%s: %s: %s", place->file, place->array, text);
    return fail(status, "%s: %s[%zu]: %s", place->file, place->array, place->index, text);
}

const cJSON *json_find(const cJSON *object, const char *name)
{
    if (!cJSON_IsObject(object)) return NULL;
    const cJSON *found = NULL, *member;
    cJSON_ArrayForEach (member, object) {
        if (strcmp(member->string, name) == 0) found = member;
    }
    return found;
}

enum status json_get(const cJSON *object, const struct json_place *place, const char *name,
                     enum json_kind kind, const cJSON **member)
{
    if (!cJSON_IsObject(object))
        return json_fail(ERR_DATA, place, "is %s, expected an object",
                         json_kind_name(json_kind_of(object)));
    const cJSON *found = json_find(object, name);
    if (!found) return json_fail(ERR_DATA, place, "has no \"%s\"", name);
    enum json_kind found_kind = json_kind_of(found);
    if (found_kind != kind)
        return json_fail(ERR_DATA, place, "\"%s\" is %s, expected %s", name,
                         json_kind_name(found_kind), json_kind_name(kind));
    *member = found;
    return OK;
}

enum status json_get_id(const cJSON *object, const struct json_place *place, const char *name,
                        int64_t *id)
{
    const cJSON *member;
    TRY(json_get(object, place, name, JSON_NUMBER, &member));
    double value = member->valuedouble;
    if (!(fabs(value) <= MAX_WHOLE) || value != floor(value))
        return json_fail(ERR_DATA, place, "\"%s\" is %.17g, expected a whole number up to 2^53",
                         name, value);
    *id = (int64_t)value;
    return OK;
}

enum status json_get_int(const cJSON *object, const struct json_place *place, const char *name,
                         int min, int max, int *value)
{
    int64_t whole;
    TRY(json_get_id(object, place, name, &whole));
    if (whole < min || whole > max)
        return json_fail(ERR_DATA, place, "\"%s\" is %lld, expected %d to %d", name,
                         (long long)whole, min, max);
    *value = (int)whole;
    return OK;
}

enum status json_get_number(const cJSON *object, const struct json_place *place, const char *name,
                            double *value)
{
    const cJSON *member;
    TRY(json_get(object, place, name, JSON_NUMBER, &member));
    if (!isfinite(member->valuedouble))
        return json_fail(ERR_DATA, place, "\"%s\" is not a finite number", name);
    *value = member->valuedouble;
    return OK;
}

enum status json_get_numbers(const cJSON *object, const struct json_place *place, const char *name,
                             size_t n, double *values)
{
    const cJSON *member, *item;
    TRY(json_get(object, place, name, JSON_ARRAY, &member));
    size_t count = 0;
    cJSON_ArrayForEach (item, member) count++;
    if (count != n)
        return json_fail(ERR_DATA, place, "\"%s\" has %zu numbers, expected %zu", name, count, n);
    size_t i = 0;
    cJSON_ArrayForEach (item, member) {
        if (!cJSON_IsNumber(item) || !isfinite(item->valuedouble))
            return json_fail(ERR_DATA, place, "\"%s\"[%zu] is not a finite number", name, i);
        i++;
    }
    i = 0;
    cJSON_ArrayForEach (item, member) values[i++] = item->valuedouble;
    return OK;
}

enum status json_get_string(const cJSON *object, const struct json_place *place, const char *name,
                            const char **text)
{
    const cJSON *member;
    TRY(json_get(object, place, name, JSON_STRING, &member));
    *text = member->valuestring;
    return OK;
}

enum status json_get_flag(const cJSON *object, const struct json_place *place, const char *name,
                          bool *value)
{
    const cJSON *member = json_find(object, name);
    if (!member) return OK;
    if (cJSON_IsBool(member))
        *value = cJSON_IsTrue(member) != 0;
    else if (cJSON_IsNumber(member))
        *value = member->valuedouble != 0.0;
    else
        return json_fail(ERR_DATA, place, "\"%s\" is %s, expected 0 or 1", name,
                         json_kind_name(json_kind_of(member)));
    return OK;
}

void json_write_string(FILE *stream, const char *text)
{
    putc('"', stream);
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p == '"' || *p == '\\')
            fprintf(stream, "\\%c", *p);
        else if (*p < 0x20)
            fprintf(stream, "\\u%04x", *p);
        else
            putc(*p, stream);
    }
    putc('"', stream);
}
