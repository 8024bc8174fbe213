// A checking scanner for JSON text (RFC 8259): finds where values end without building a tree, and
// says at which byte the text is broken. NaN, Infinity, raw control characters, \u0000 and trailing
// commas are refused.
#ifndef TARN_BASE_JSON_SCAN_H
#define TARN_BASE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    JSON_MAX_DEPTH = 128,       // containers within containers
    JSON_MAX_NUMBER_BYTES = 63, // characters of one number
};

// Text being read. After a failed call `at` points to the offending byte (or to `end`) and `error`
// says what is wrong there; borrowed static text.
struct json_cursor {
    const unsigned char *begin, *at, *end;
    const char *error;
};

void json_skip_space(struct json_cursor *cursor);

// Skips space and then the byte `wanted`; false, with error "expected ...", when something else
// stands there. `what` is the error text.
bool json_skip_byte(struct json_cursor *cursor, unsigned char wanted, const char *what);

// Each begins at the first byte of a value (space before it is skipped) and ends behind it.
bool json_skip_value(struct json_cursor *cursor);
bool json_skip_string(struct json_cursor *cursor);

// Space up to the end of the text, nothing else.
bool json_skip_end(struct json_cursor *cursor);

#ifdef __cplusplus
}
#endif
#endif
