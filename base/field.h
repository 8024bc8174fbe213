// Descriptions of struct members that people set by name: config sections, pool parameters,
// command options. Parser, validation, --help and docs follow from one table.
#ifndef TARN_BASE_FIELD_H
#define TARN_BASE_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum field_type {
    FIELD_BOOL,   // bool
    FIELD_INT,    // int64_t
    FIELD_FLOAT,  // double
    FIELD_CHOICE, // int: index into `choices`
    FIELD_STRING, // char[FIELD_STRING_BYTES]
    FIELD_INTS,   // struct field_ints: a JSON array or "1,2,3"
    FIELD_FLOATS, // struct field_floats
};

enum { FIELD_STRING_BYTES = 1024, FIELD_LIST_MAX = 32 };

struct field_ints {
    int n;
    long v[FIELD_LIST_MAX];
};

struct field_floats {
    int n;
    double v[FIELD_LIST_MAX];
};

struct field {
    const char *name; // within its section; NULL ends a table
    enum field_type type;
    size_t offset;          // in the struct
    const char *initial;    // default, written as on the command line
    double min, max;        // numbers only; inclusive
    const char *choices;    // "a|b|c" for FIELD_CHOICE, else NULL
    const char *help;       // one sentence
};

struct cJSON;

// Sets every field to its default. A default that its own table refuses is a mistake of ours
// (assert).
void fields_defaults(const struct field *table, void *object);

const struct field *fields_find(const struct field *table, const char *name); // NULL: none

// Sets one field from the command line's text or from a JSON value. ERR_USAGE for an unknown name
// (the nearest is offered), a wrong type, a value out of bounds; the message begins with the
// field's name and tells what is allowed, so that a caller can prepend the section with
// fail_context. Lists are "1,2,3", "[1,2,3]" or a JSON array; a single number is a list of one.
// The object is unchanged on errors.
enum status fields_set_text(const struct field *table, void *object, const char *name,
                            const char *text) MUST_USE;
enum status fields_set_json(const struct field *table, void *object, const char *name,
                            const struct cJSON *value) MUST_USE;

// Every member of a JSON object, in its order.
enum status fields_set_object(const struct field *table, void *object,
                              const struct cJSON *members) MUST_USE;

// The name most like `name`; NULL when none is alike.
const char *fields_nearest(const struct field *table, const char *name);

// Insertions, deletions, replacements and swaps of neighbours that turn a into b; upper and lower
// case count as equal, and so do '-' and '_'. Names longer than 127 bytes are compared by those.
int text_distance(const char *a, const char *b);
// Whether a name at this distance is worth suggesting to who typed `name`.
bool text_is_near(const char *name, int distance);

// A new JSON object with every field (cJSON_Delete frees it), and one field.
enum status fields_to_json(const struct field *table, const void *object,
                           struct cJSON **json) MUST_USE;
enum status field_to_json(const struct field *field, const void *object,
                          struct cJSON **json) MUST_USE;

// "integer, 1 to 7", "max|avg|soft", "true or false"; returns text.
enum { FIELD_TEXT_BYTES = 512 };
const char *field_allowed(const struct field *field, char text[FIELD_TEXT_BYTES]);

// One paragraph a field: PREFIXname=DEFAULT, what is allowed, help; wrapped at 100 columns.
void fields_print_help(FILE *stream, const struct field *table, const char *prefix);
// The same as rows of a Markdown table.
void fields_print_markdown(FILE *stream, const struct field *table, const char *prefix);

#ifdef __cplusplus
}
#endif
#endif
