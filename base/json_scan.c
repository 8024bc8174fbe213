#include "base/json_scan.h"

#include <stdint.h>
#include <string.h>

static bool stop(struct json_cursor *cursor, const char *error)
{
    cursor->error = cursor->at >= cursor->end ? "unexpected end of file" : error;
    return false;
}

// Once a value at least: not worth a call.
static inline void skip_space(struct json_cursor *cursor)
{
    const unsigned char *p = cursor->at, *end = cursor->end;
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r')) p++;
    cursor->at = p;
}

void json_skip_space(struct json_cursor *cursor)
{
    skip_space(cursor);
}

bool json_skip_byte(struct json_cursor *cursor, unsigned char wanted, const char *what)
{
    skip_space(cursor);
    if (cursor->at >= cursor->end || *cursor->at != wanted) return stop(cursor, what);
    cursor->at++;
    return true;
}

static bool is_digit(const struct json_cursor *cursor)
{
    return cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9';
}

static bool skip_digits(struct json_cursor *cursor)
{
    const unsigned char *p = cursor->at, *end = cursor->end;
    if (!is_digit(cursor)) return stop(cursor, "expected a digit");
    while (p < end && *p >= '0' && *p <= '9') p++;
    cursor->at = p;
    return true;
}

static bool skip_number(struct json_cursor *cursor)
{
    const unsigned char *begin = cursor->at;
    if (*cursor->at == '-') cursor->at++;
    if (cursor->at < cursor->end && *cursor->at == 'I') return stop(cursor, "Infinity is not JSON");
    if (cursor->at < cursor->end && *cursor->at == '0') {
        cursor->at++;
        if (is_digit(cursor)) return stop(cursor, "a number begins with 0");
    } else if (!skip_digits(cursor)) {
        return false;
    }
    if (cursor->at < cursor->end && *cursor->at == '.') {
        cursor->at++;
        if (!skip_digits(cursor)) return false;
    }
    if (cursor->at < cursor->end && (*cursor->at == 'e' || *cursor->at == 'E')) {
        cursor->at++;
        if (cursor->at < cursor->end && (*cursor->at == '+' || *cursor->at == '-')) cursor->at++;
        if (!skip_digits(cursor)) return false;
    }
    if (cursor->at - begin > JSON_MAX_NUMBER_BYTES) {
        cursor->at = begin;
        return stop(cursor, "a number of more than 63 characters");
    }
    return true;
}

static int hex_digit(unsigned char byte)
{
    if (byte >= '0' && byte <= '9') return byte - '0';
    if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F') return byte - 'A' + 10;
    return -1;
}

// The four digits behind "\u".
static bool read_hex(struct json_cursor *cursor, unsigned *code)
{
    *code = 0;
    for (int i = 0; i < 4; i++, cursor->at++) {
        int digit = cursor->at < cursor->end ? hex_digit(*cursor->at) : -1;
        if (digit < 0) return stop(cursor, "expected four hexadecimal digits after \\u");
        *code = *code * 16 + (unsigned)digit;
    }
    return true;
}

static bool skip_unicode_escape(struct json_cursor *cursor)
{
    const unsigned char *begin = cursor->at++; // the 'u'
    unsigned code, low;
    if (!read_hex(cursor, &code)) return false;
    if (code >= 0xD800 && code < 0xDC00) { // the first half of a surrogate pair
        if (cursor->at >= cursor->end) return stop(cursor, "");
        if (*cursor->at != '\\') return stop(cursor, "half of a surrogate pair");
        cursor->at++;
        if (cursor->at >= cursor->end || *cursor->at != 'u')
            return stop(cursor, "half of a surrogate pair");
        cursor->at++;
        if (!read_hex(cursor, &low)) return false;
        if (low >= 0xDC00 && low < 0xE000) return true;
    } else if (code != 0 && (code < 0xDC00 || code >= 0xE000)) {
        return true;
    }
    cursor->at = begin;
    // C strings would end at a NUL.
    return stop(cursor, code ? "half of a surrogate pair" : "\\u0000 in a string is not supported");
}

static bool skip_escape(struct json_cursor *cursor)
{
    cursor->at++; // the backslash
    if (cursor->at >= cursor->end) return stop(cursor, "");
    switch (*cursor->at) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        cursor->at++;
        return true;
    case 'u':
        return skip_unicode_escape(cursor);
    default:
        return stop(cursor, "unknown escape in a string");
    }
}

// Whether one of eight bytes is '"', '\\' or below 0x20. A byte minus 1 (or minus 0x20) borrows
// into its top bit only when it was 0 (or below), unless that bit was set before; borrows between
// bytes can only turn a 'no' into a 'yes', which costs a closer look.
static bool ends_plain_text(const unsigned char *bytes)
{
    const uint64_t ones = 0x0101010101010101u, tops = ones << 7;
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    uint64_t quote = word ^ (ones * '"'), backslash = word ^ (ones * '\\');
    uint64_t found = ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) |
                     ((word - ones * 0x20) & ~word);
    return (found & tops) != 0;
}

bool json_skip_string(struct json_cursor *cursor)
{
    if (!json_skip_byte(cursor, '"', "expected a string")) return false;
    for (;;) {
        const unsigned char *p = cursor->at, *end = cursor->end;
        while (end - p >= 8 && !ends_plain_text(p)) p += 8;
        while (p < end && *p != '"' && *p != '\\' && *p >= 0x20) p++;
        cursor->at = p;
        if (p >= end) return stop(cursor, "");
        if (*p == '"') {
            cursor->at++;
            return true;
        }
        if (*p != '\\') return stop(cursor, "a control character in a string");
        if (!skip_escape(cursor)) return false;
    }
}

static bool skip_word(struct json_cursor *cursor, const char *word)
{
    size_t n = strlen(word), left = (size_t)(cursor->end - cursor->at);
    if (memcmp(cursor->at, word, left < n ? left : n) != 0) return stop(cursor, "expected a value");
    if (left < n) {
        cursor->at = cursor->end;
        return stop(cursor, "");
    }
    cursor->at += n;
    return true;
}

static bool skip_at_depth(struct json_cursor *cursor, int depth);

static bool skip_array(struct json_cursor *cursor, int depth)
{
    cursor->at++;
    skip_space(cursor);
    if (cursor->at < cursor->end && *cursor->at == ']') {
        cursor->at++;
        return true;
    }
    for (;;) {
        if (!skip_at_depth(cursor, depth)) return false;
        skip_space(cursor);
        if (cursor->at < cursor->end && *cursor->at == ',') {
            cursor->at++;
            continue;
        }
        return json_skip_byte(cursor, ']', "expected ',' or ']'");
    }
}

static bool skip_object(struct json_cursor *cursor, int depth)
{
    cursor->at++;
    skip_space(cursor);
    if (cursor->at < cursor->end && *cursor->at == '}') {
        cursor->at++;
        return true;
    }
    for (;;) {
        if (!json_skip_string(cursor)) return false;
        if (!json_skip_byte(cursor, ':', "expected ':'")) return false;
        if (!skip_at_depth(cursor, depth)) return false;
        skip_space(cursor);
        if (cursor->at < cursor->end && *cursor->at == ',') {
            cursor->at++;
            continue;
        }
        return json_skip_byte(cursor, '}', "expected ',' or '}'");
    }
}

static bool skip_at_depth(struct json_cursor *cursor, int depth)
{
    skip_space(cursor);
    if (cursor->at >= cursor->end) return stop(cursor, "");
    switch (*cursor->at) {
    case '{':
    case '[':
        if (depth == JSON_MAX_DEPTH) return stop(cursor, "nested more than 128 deep");
        return *cursor->at == '{' ? skip_object(cursor, depth + 1) : skip_array(cursor, depth + 1);
    case '"':
        return json_skip_string(cursor);
    case 't':
        return skip_word(cursor, "true");
    case 'f':
        return skip_word(cursor, "false");
    case 'n':
        return skip_word(cursor, "null");
    case 'N':
        return stop(cursor, "NaN is not JSON");
    case 'I':
        return stop(cursor, "Infinity is not JSON");
    default:
        if (*cursor->at == '-' || is_digit(cursor)) return skip_number(cursor);
        return stop(cursor, "expected a value");
    }
}

bool json_skip_value(struct json_cursor *cursor)
{
    return skip_at_depth(cursor, 0);
}

bool json_skip_end(struct json_cursor *cursor)
{
    skip_space(cursor);
    return cursor->at == cursor->end || stop(cursor, "text after the end of the value");
}
