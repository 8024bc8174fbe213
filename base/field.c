#include "base/field.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// One value of any type, so that both parsers check first and store afterwards.
union value {
    bool b;
    int64_t i;
    double d;
    int choice;
    const char *text;
    struct field_ints ints;
    struct field_floats floats;
};

static const double exact_integer = 9007199254740992.0; // 2^53: doubles hold every smaller integer

const struct field *fields_find(const struct field *table, const char *name)
{
    for (const struct field *f = table; f && f->name; f++)
        if (strcmp(f->name, name) == 0) return f;
    return NULL;
}

const char *field_allowed(const struct field *field, char text[FIELD_TEXT_BYTES])
{
    static const char *const kinds[] = {
        [FIELD_BOOL] = "true or false",  [FIELD_INT] = "integer",
        [FIELD_FLOAT] = "number",        [FIELD_CHOICE] = "",
        [FIELD_STRING] = "text",         [FIELD_INTS] = "list of integers",
        [FIELD_FLOATS] = "list of numbers",
    };
    const char *kind = kinds[field->type];
    bool has_min = isfinite(field->min), has_max = isfinite(field->max);
    if (field->type == FIELD_CHOICE)
        snprintf(text, FIELD_TEXT_BYTES, "%s", field->choices);
    else if (field->type == FIELD_BOOL || field->type == FIELD_STRING || (!has_min && !has_max))
        snprintf(text, FIELD_TEXT_BYTES, "%s", kind);
    else if (has_min && has_max)
        snprintf(text, FIELD_TEXT_BYTES, "%s, %.10g to %.10g", kind, field->min, field->max);
    else if (has_min)
        snprintf(text, FIELD_TEXT_BYTES, "%s, at least %.10g", kind, field->min);
    else
        snprintf(text, FIELD_TEXT_BYTES, "%s, at most %.10g", kind, field->max);
    return text;
}

static enum status refuse(const struct field *field, const char *got)
{
    char allowed[FIELD_TEXT_BYTES];
    return fail(ERR_USAGE, "%s: %.100s is not allowed; expected: %s", field->name, got,
                field_allowed(field, allowed));
}

static enum status refuse_number(const struct field *field, double number)
{
    char text[32];
    snprintf(text, sizeof text, "%.17g", number);
    return refuse(field, text);
}

static enum status check_number(const struct field *field, double number, bool is_integer)
{
    bool is_fine = isfinite(number) && number >= field->min && number <= field->max;
    if (is_integer && is_fine) is_fine = floor(number) == number && fabs(number) <= exact_integer;
    return is_fine ? OK : refuse_number(field, number);
}

static bool find_choice(const char *choices, const char *text, int *index)
{
    size_t n = strlen(text);
    int i = 0;
    for (const char *p = choices; p; i++) {
        const char *bar = strchr(p, '|');
        size_t length = bar ? (size_t)(bar - p) : strlen(p);
        if (length == n && memcmp(p, text, n) == 0) {
            *index = i;
            return true;
        }
        p = bar ? bar + 1 : NULL;
    }
    return false;
}

static void store(const struct field *field, void *object, const union value *value)
{
    void *member = (char *)object + field->offset;
    switch (field->type) {
    case FIELD_BOOL: memcpy(member, &value->b, sizeof value->b); return;
    case FIELD_INT: memcpy(member, &value->i, sizeof value->i); return;
    case FIELD_FLOAT: memcpy(member, &value->d, sizeof value->d); return;
    case FIELD_CHOICE: memcpy(member, &value->choice, sizeof value->choice); return;
    case FIELD_STRING: {
        size_t n = strlen(value->text);
        memcpy(member, value->text, n);
        memset((char *)member + n, 0, FIELD_STRING_BYTES - n);
        return;
    }
    case FIELD_INTS: memcpy(member, &value->ints, sizeof value->ints); return;
    case FIELD_FLOATS: memcpy(member, &value->floats, sizeof value->floats); return;
    }
}

static enum status append_number(const struct field *field, double number, union value *value)
{
    TRY(check_number(field, number, field->type == FIELD_INTS));
    int n = field->type == FIELD_INTS ? value->ints.n : value->floats.n;
    if (n == FIELD_LIST_MAX)
        return fail(ERR_USAGE, "%s: more than %d numbers", field->name, (int)FIELD_LIST_MAX);
    if (field->type == FIELD_INTS)
        value->ints.v[value->ints.n++] = (long)number;
    else
        value->floats.v[value->floats.n++] = number;
    return OK;
}

static enum status set_string(const struct field *field, const char *text, union value *value)
{
    if (strlen(text) >= FIELD_STRING_BYTES)
        return fail(ERR_USAGE, "%s: text of %zu bytes, more than the %d allowed", field->name,
                    strlen(text), FIELD_STRING_BYTES - 1);
    value->text = text;
    return OK;
}

// The number at the start of text; *end points behind it and the blanks that follow.
static bool read_number(const char *text, double *number, const char **end)
{
    char *stop;
    errno = 0;
    *number = strtod(text, &stop);
    if (stop == text) return false;
    while (*stop == ' ' || *stop == '\t') stop++;
    *end = stop;
    return true;
}

static enum status parse_list(const struct field *field, const char *text, union value *value)
{
    const char *p = text + strspn(text, " \t");
    bool has_bracket = *p == '[';
    p += has_bracket;
    p += strspn(p, " \t");
    while (*p && *p != ']') {
        double number;
        if (!read_number(p, &number, &p)) return refuse(field, text);
        TRY(append_number(field, number, value));
        if (*p == ',' && p[1 + strspn(p + 1, " \t")] != ']' && p[1] != 0)
            p++;
        else if (*p && *p != ']')
            return refuse(field, text);
    }
    if (has_bracket != (*p == ']') || (*p && p[1])) return refuse(field, text);
    return OK;
}

static enum status parse_text(const struct field *field, const char *text, union value *value)
{
    const char *end = text;
    double number = 0;
    switch (field->type) {
    case FIELD_BOOL:
        value->b = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
        if (value->b || strcmp(text, "false") == 0 || strcmp(text, "0") == 0) return OK;
        return refuse(field, text);
    case FIELD_INT:
    case FIELD_FLOAT:
        if (!read_number(text, &number, &end) || *end) return refuse(field, text);
        TRY(check_number(field, number, field->type == FIELD_INT));
        if (field->type == FIELD_INT)
            value->i = (int64_t)number;
        else
            value->d = number;
        return OK;
    case FIELD_CHOICE:
        return find_choice(field->choices, text, &value->choice) ? OK : refuse(field, text);
    case FIELD_STRING: return set_string(field, text, value);
    case FIELD_INTS:
    case FIELD_FLOATS: return parse_list(field, text, value);
    }
    return OK;
}

static const char *json_kind(const cJSON *json)
{
    if (cJSON_IsString(json)) return "a text";
    if (cJSON_IsArray(json)) return "an array";
    if (cJSON_IsObject(json)) return "an object";
    if (cJSON_IsNull(json)) return "null";
    return cJSON_IsBool(json) ? "true or false" : "a number";
}

static enum status parse_json(const struct field *field, const cJSON *json, union value *value)
{
    const cJSON *item;
    switch (field->type) {
    case FIELD_BOOL:
        if (!cJSON_IsBool(json)) break;
        value->b = cJSON_IsTrue(json) != 0;
        return OK;
    case FIELD_INT:
    case FIELD_FLOAT:
        if (!cJSON_IsNumber(json)) break;
        TRY(check_number(field, json->valuedouble, field->type == FIELD_INT));
        if (field->type == FIELD_INT)
            value->i = (int64_t)json->valuedouble;
        else
            value->d = json->valuedouble;
        return OK;
    case FIELD_CHOICE:
        if (!cJSON_IsString(json)) break;
        if (find_choice(field->choices, json->valuestring, &value->choice)) return OK;
        return refuse(field, json->valuestring);
    case FIELD_STRING:
        if (!cJSON_IsString(json)) break;
        return set_string(field, json->valuestring, value);
    case FIELD_INTS:
    case FIELD_FLOATS:
        if (cJSON_IsNumber(json)) return append_number(field, json->valuedouble, value);
        if (!cJSON_IsArray(json)) break;
        cJSON_ArrayForEach(item, json)
        {
            if (!cJSON_IsNumber(item)) return refuse(field, json_kind(item));
            TRY(append_number(field, item->valuedouble, value));
        }
        return OK;
    }
    return refuse(field, json_kind(json));
}

static enum status unknown(const struct field *table, const char *name)
{
    const char *nearest = fields_nearest(table, name);
    if (nearest) return fail(ERR_USAGE, "%.200s: unknown name; did you mean '%s'?", name, nearest);
    return fail(ERR_USAGE, "%.200s: unknown name", name);
}

enum status fields_set_text(const struct field *table, void *object, const char *name,
                            const char *text)
{
    const struct field *field = fields_find(table, name);
    if (!field) return unknown(table, name);
    union value value = {.ints = {0}};
    TRY(parse_text(field, text, &value));
    store(field, object, &value);
    return OK;
}

enum status fields_set_json(const struct field *table, void *object, const char *name,
                            const struct cJSON *json)
{
    const struct field *field = fields_find(table, name);
    if (!field) return unknown(table, name);
    union value value = {.ints = {0}};
    TRY(parse_json(field, json, &value));
    store(field, object, &value);
    return OK;
}

enum status fields_set_object(const struct field *table, void *object, const struct cJSON *members)
{
    if (!cJSON_IsObject(members)) return fail(ERR_USAGE, "expected an object of named values");
    const cJSON *member;
    cJSON_ArrayForEach(member, members) TRY(fields_set_json(table, object, member->string, member));
    return OK;
}

void fields_defaults(const struct field *table, void *object)
{
    for (const struct field *f = table; f && f->name; f++) {
        enum status status = fields_set_text(f, object, f->name, f->initial);
        assert(status == OK);
        (void)status;
    }
}

static cJSON *number_list(const struct field_ints *ints, const struct field_floats *floats)
{
    cJSON *array = cJSON_CreateArray();
    int n = ints ? ints->n : floats->n;
    for (int i = 0; array && i < n; i++) {
        cJSON *item = cJSON_CreateNumber(ints ? (double)ints->v[i] : floats->v[i]);
        if (!item || !cJSON_AddItemToArray(array, item)) {
            cJSON_Delete(item);
            cJSON_Delete(array);
            return NULL;
        }
    }
    return array;
}

static cJSON *choice_json(const char *choices, int index)
{
    char text[FIELD_TEXT_BYTES] = "";
    for (const char *p = choices; p && index >= 0; index--) {
        const char *bar = strchr(p, '|');
        if (index == 0)
            snprintf(text, sizeof text, "%.*s", bar ? (int)(bar - p) : (int)strlen(p), p);
        p = bar ? bar + 1 : NULL;
    }
    return cJSON_CreateString(text);
}

enum status field_to_json(const struct field *field, const void *object, struct cJSON **json)
{
    const void *member = (const char *)object + field->offset;
    cJSON *made = NULL;
    switch (field->type) {
    case FIELD_BOOL: made = cJSON_CreateBool(*(const bool *)member); break;
    case FIELD_INT: made = cJSON_CreateNumber((double)*(const int64_t *)member); break;
    case FIELD_FLOAT: made = cJSON_CreateNumber(*(const double *)member); break;
    case FIELD_CHOICE: made = choice_json(field->choices, *(const int *)member); break;
    case FIELD_STRING: made = cJSON_CreateString((const char *)member); break;
    case FIELD_INTS: made = number_list((const struct field_ints *)member, NULL); break;
    case FIELD_FLOATS: made = number_list(NULL, (const struct field_floats *)member); break;
    }
    if (!made) return fail(ERR_MEMORY, "out of memory");
    *json = made;
    return OK;
}

enum status fields_to_json(const struct field *table, const void *object, struct cJSON **json)
{
    cJSON *made = cJSON_CreateObject();
    for (const struct field *f = table; made && f && f->name; f++) {
        cJSON *item = NULL;
        if (field_to_json(f, object, &item) != OK || !cJSON_AddItemToObject(made, f->name, item)) {
            cJSON_Delete(item);
            cJSON_Delete(made);
            made = NULL;
        }
    }
    if (!made) return fail(ERR_MEMORY, "out of memory");
    *json = made;
    return OK;
}
