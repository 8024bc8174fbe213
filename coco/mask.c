#include "coco/mask.h"

#include <string.h>

#include "base/json_number.h"
#include "base/mem.h"
#include "base/object_reader.h"

void mask_scratch_free(struct mask_scratch *scratch)
{
    mem_free(scratch->text);
    mem_free(scratch->points);
    polygon_free(&scratch->polygon);
    rle_free(&scratch->ring);
    rle_free(&scratch->joined);
    rle_free(&scratch->whole);
    *scratch = (struct mask_scratch){0};
}

static bool mask_error_set(struct mask_error *error, const char *member, const char *what)
{
    *error = (struct mask_error){member, what};
    return false;
}

static bool next_is(struct json_cursor *cursor, unsigned char byte)
{
    json_skip_space(cursor);
    return cursor->at < cursor->end && *cursor->at == byte;
}

// The range of a value, which is checked for its syntax.
static bool take_range(struct json_cursor *cursor, struct mask_text *mask, struct mask_error *error)
{
    json_skip_space(cursor);
    const unsigned char *begin = cursor->at;
    if (!json_skip_value(cursor)) return false;
    size_t n = (size_t)(cursor->at - begin);
    if (n > UINT32_MAX) return mask_error_set(error, "segmentation", "is too long");
    mask->bytes = (const char *)begin;
    mask->n_bytes = (uint32_t)n;
    return true;
}

static bool scan_counts(struct json_cursor *cursor, struct mask_text *mask,
                        struct mask_error *error)
{
    bool is_text = next_is(cursor, '"');
    if (!is_text && !next_is(cursor, '[')) {
        if (!json_skip_value(cursor)) return false;
        return mask_error_set(error, "counts", "is neither a string nor an array");
    }
    if (!take_range(cursor, mask, error)) return false;
    mask->kind = MASK_COUNTS;
    if (!is_text) return true;
    mask->bytes++; // the quotes
    mask->n_bytes -= 2;
    mask->kind = memchr(mask->bytes, '\\', mask->n_bytes) ? MASK_ESCAPED : MASK_TEXT;
    return true;
}

static bool read_side(struct json_cursor *cursor, int64_t *side, struct mask_error *error)
{
    struct json_number number = {.is_integer = false};
    json_skip_space(cursor);
    bool is_number = cursor->at < cursor->end &&
                     (*cursor->at == '-' || (*cursor->at >= '0' && *cursor->at <= '9'));
    if (is_number ? !json_read_number(cursor, &number) : !json_skip_value(cursor)) return false;
    if (!number.is_integer) return mask_error_set(error, "size", "is not a whole number");
    *side = number.integer;
    return true;
}

static bool scan_size(struct json_cursor *cursor, struct mask_text *mask, struct mask_error *error)
{
    int64_t side[2];
    if (!next_is(cursor, '[')) {
        if (!json_skip_value(cursor)) return false;
        return mask_error_set(error, "size", "is not an array of two whole numbers");
    }
    cursor->at++;
    for (int i = 0; i < 2; i++) {
        if (i > 0 && !json_skip_byte(cursor, ',', "expected ','")) return false;
        if (!read_side(cursor, &side[i], error)) return false;
    }
    if (!json_skip_byte(cursor, ']', "expected ']'")) return false;
    if (rle_check_size(side[0], side[1]) != OK)
        return mask_error_set(error, "size", "is negative or too large for an image");
    mask->height = (int32_t)side[0];
    mask->width = (int32_t)side[1];
    return true;
}

static bool scan_object(struct json_cursor *cursor, struct mask_text *mask,
                        struct mask_error *error)
{
    struct object_reader reader;
    bool has_size = false;
    if (!object_begin(&reader, cursor)) return false;
    while (object_next(&reader)) {
        if (object_key_is(&reader, "size")) {
            if (!scan_size(cursor, mask, error)) return false;
            has_size = true;
        } else if (object_key_is(&reader, "counts")) {
            if (!scan_counts(cursor, mask, error)) return false;
        } else if (!json_skip_value(cursor)) {
            return false;
        }
    }
    if (reader.is_broken) return false;
    if (!has_size) return mask_error_set(error, "segmentation", "has no size");
    if (mask->kind == MASK_NONE) return mask_error_set(error, "segmentation", "has no counts");
    return true;
}

bool mask_scan(struct json_cursor *cursor, struct mask_text *mask, struct mask_error *error)
{
    *mask = (struct mask_text){.kind = MASK_NONE};
    *error = (struct mask_error){NULL, NULL};
    if (next_is(cursor, '{')) return scan_object(cursor, mask, error);
    bool is_array = next_is(cursor, '[');
    if (!take_range(cursor, mask, error)) return false;
    if (!is_array)
        return mask_error_set(error, "segmentation", "is neither an object nor an array");
    mask->kind = MASK_POLYGONS;
    return true;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c - 'A' + 10; // the scanner has seen to it that these are hexadecimal
}

// Undoes the escapes of a JSON string that was checked. What does not fit a byte becomes one that
// is no part of run-length text.
static enum status unescape(const struct mask_text *mask, struct mask_scratch *scratch, size_t *n)
{
    TRY(mem_reserve(&scratch->text, &scratch->text_capacity, mask->n_bytes, 1));
    const char *from = mask->bytes, *end = from + mask->n_bytes;
    char *to = scratch->text;
    while (from < end) {
        if (*from != '\\') {
            *to++ = *from++;
            continue;
        }
        from++;
        if (*from != 'u') {
            *to++ = *from == '\\' ? '\\' : '\x01'; // the other escapes are outside the alphabet
            from++;
            continue;
        }
        int code = 0;
        for (int i = 1; i <= 4; i++) code = code * 16 + hex_value(from[i]);
        *to++ = code < 128 ? (char)code : '\x01';
        from += 5;
    }
    *n = (size_t)(to - scratch->text);
    return OK;
}

static struct json_cursor cursor_of(const struct mask_text *mask)
{
    const unsigned char *bytes = (const unsigned char *)mask->bytes;
    return (struct json_cursor){bytes, bytes, bytes + mask->n_bytes, NULL};
}

// Behind '[' or a value: whether another value follows.
static bool has_next(struct json_cursor *cursor, bool is_first)
{
    if (next_is(cursor, ']')) {
        cursor->at++;
        return false;
    }
    if (!is_first) cursor->at++; // ','
    return true;
}

static enum status decode_counts(const struct mask_text *mask, struct rle *rle)
{
    struct json_cursor cursor = cursor_of(mask);
    struct json_number number;
    TRY(rle_begin(rle, mask->height, mask->width));
    cursor.at++;
    while (has_next(&cursor, rle->n == 0)) {
        if (!json_read_number(&cursor, &number) || !number.is_integer || number.integer < 0 ||
            number.integer > RLE_MAX_PIXELS)
            return fail(ERR_DATA, "run %zu is not a length", rle->n);
        TRY(rle_append(rle, (uint32_t)number.integer));
    }
    return rle_finish(rle);
}

// One ring's numbers into scratch->points.
static enum status read_ring(struct json_cursor *cursor, size_t ring, struct mask_scratch *scratch,
                             size_t *n)
{
    struct json_number number;
    if (!next_is(cursor, '[')) return fail(ERR_DATA, "ring %zu is not an array", ring);
    cursor->at++;
    for (*n = 0; has_next(cursor, *n == 0); (*n)++) {
        if (!json_read_number(cursor, &number))
            return fail(ERR_DATA, "ring %zu: value %zu is not a number", ring, *n);
        TRY(mem_reserve(&scratch->points, &scratch->points_capacity, *n + 1,
                        sizeof *scratch->points));
        scratch->points[*n] = number.value;
    }
    return OK;
}

static enum status decode_polygons(const struct mask_text *mask, int height, int width,
                                   struct mask_scratch *scratch, struct rle *rle,
                                   unsigned *oddities)
{
    struct json_cursor cursor = cursor_of(mask);
    size_t n = 0, n_rings = 0;
    bool is_empty = true;
    if (height == 0 && width == 0)
        return fail(ERR_DATA, "polygons, but the image's height and width are not given");
    cursor.at++;
    while (has_next(&cursor, n_rings == 0)) {
        TRY(read_ring(&cursor, n_rings++, scratch, &n));
        if (n % 2 || n < 6) *oddities |= MASK_ODD_RINGS;
        if (n < 6) continue;
        struct rle *target = is_empty ? rle : &scratch->ring;
        TRY(polygon_to_rle(scratch->points, n / 2, height, width, &scratch->polygon, target));
        if (is_empty) {
            is_empty = false;
            continue;
        }
        TRY(rle_merge(rle, &scratch->ring, false, &scratch->joined));
        struct rle swap = *rle;
        *rle = scratch->joined;
        scratch->joined = swap;
    }
    if (n_rings == 0) *oddities |= MASK_ODD_RINGS;
    if (!is_empty) return OK;
    TRY(rle_begin(rle, height, width));
    return rle_append(rle, (uint32_t)(height * width)); // begin has checked the product
}

enum status mask_decode(const struct mask_text *mask, int image_height, int image_width,
                        struct mask_scratch *scratch, struct rle *rle, unsigned *oddities)
{
    size_t n;
    *oddities = 0;
    switch (mask->kind) {
    case MASK_TEXT:
        return rle_from_text(mask->bytes, mask->n_bytes, mask->height, mask->width, rle);
    case MASK_ESCAPED:
        TRY(unescape(mask, scratch, &n));
        return rle_from_text(scratch->text, n, mask->height, mask->width, rle);
    case MASK_COUNTS:
        return decode_counts(mask, rle);
    case MASK_POLYGONS:
        return decode_polygons(mask, image_height, image_width, scratch, rle, oddities);
    case MASK_NONE:
        break;
    }
    return fail(ERR_DATA, "there is no mask");
}

enum status mask_measure(const struct mask_text *mask, int image_height, int image_width,
                         struct mask_scratch *scratch, uint32_t *area, double box[4],
                         unsigned *oddities)
{
    size_t n;
    *oddities = 0;
    if (mask->kind == MASK_TEXT)
        return rle_measure_text(mask->bytes, mask->n_bytes, mask->height, mask->width, area, box);
    if (mask->kind == MASK_ESCAPED) {
        TRY(unescape(mask, scratch, &n));
        return rle_measure_text(scratch->text, n, mask->height, mask->width, area, box);
    }
    TRY(mask_decode(mask, image_height, image_width, scratch, &scratch->whole, oddities));
    *area = rle_area(&scratch->whole);
    rle_box(&scratch->whole, box);
    return OK;
}
