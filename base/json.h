// Checked reading of cJSON trees. Errors name the file, the place and the member.
// cJSON's memory comes from mem_alloc (its hooks are set before main), so trees that cJSON_Create*
// made and trees that were read here are all freed with cJSON_Delete.
#ifndef TARN_BASE_JSON_H
#define TARN_BASE_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

// Parses one JSON text (checked as base/json_scan.h says). `comments` allows // and /* */.
// Errors: ERR_PARSE "NAME: line 3, byte 41: expected ..."; ERR_MEMORY. Free with cJSON_Delete.
enum status json_parse(const char *name, const char *text, size_t n_bytes, bool comments,
                       cJSON **tree) MUST_USE;

// The same from a file of at most max_bytes (0: no limit).
enum status json_load(const char *path, size_t max_bytes, bool comments, cJSON **tree) MUST_USE;

// Where an object stands, for messages: "FILE: ARRAY[INDEX]", or "FILE: ARRAY" when index is
// JSON_NO_INDEX, or "FILE" when array is NULL.
struct json_place {
    const char *file;
    const char *array;
    size_t index;
};
#define JSON_NO_INDEX ((size_t)-1)

enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };
enum json_kind json_kind_of(const cJSON *item);
const char *json_kind_name(enum json_kind kind); // "a number", "an array", ...

// A member by exact name, NULL when absent. Of several with one name the last counts, as in
// Python's reader. `object` may be anything: what is no object has no members.
const cJSON *json_find(const cJSON *object, const char *name);

// A member that must exist and be of `kind`; ERR_DATA otherwise.
enum status json_get(const cJSON *object, const struct json_place *place, const char *name,
                     enum json_kind kind, const cJSON **member) MUST_USE;

// A whole number, |x| <= 2^53 (read from valuedouble: valueint saturates at 2^31).
enum status json_get_id(const cJSON *object, const struct json_place *place, const char *name,
                        int64_t *id) MUST_USE;

// A whole number in [min, max].
enum status json_get_int(const cJSON *object, const struct json_place *place, const char *name,
                         int min, int max, int *value) MUST_USE;

// A finite number (1e999 is not).
enum status json_get_number(const cJSON *object, const struct json_place *place, const char *name,
                            double *value) MUST_USE;

// Exactly n finite numbers in an array.
enum status json_get_numbers(const cJSON *object, const struct json_place *place, const char *name,
                             size_t n, double *values) MUST_USE;

// Borrowed from the tree.
enum status json_get_string(const cJSON *object, const struct json_place *place, const char *name,
                            const char **text) MUST_USE;

// true, false, or a number (0 is false); *value keeps its content when the member is absent.
enum status json_get_flag(const cJSON *object, const struct json_place *place, const char *name,
                          bool *value) MUST_USE;

// As fail(), with the place before the message.
enum status json_fail(enum status status, const struct json_place *place, const char *format, ...)
    PRINTF_LIKE(3, 4);

// Writes a quoted, escaped JSON string.
void json_write_string(FILE *stream, const char *text);

#ifdef __cplusplus
}
#endif
#endif
