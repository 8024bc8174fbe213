// Numbers from text, and arrays read in parts.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../scratch.h"
#include "base/json_number.h"
#include "base/mem.h"
#include "base/rng.h"
#include "eval/json_array.h"
#include "eval/read.h"
#include "eval/truth.h"

static bool read_text(const char *text, struct json_number *number)
{
    const unsigned char *bytes = (const unsigned char *)text;
    struct json_cursor cursor = {bytes, bytes, bytes + strlen(text), NULL};
    return json_read_number(&cursor, number) && cursor.at == cursor.end;
}

static void expect_double(const char *text)
{
    struct json_number number;
    double expected = strtod(text, NULL); // glibc's is correctly rounded, and this is the C locale
    cr_assert(read_text(text, &number), "%s", text);
    cr_assert(memcmp(&number.value, &expected, sizeof expected) == 0, "%s: %.17g, expected %.17g",
              text, number.value, expected);
}

Test(eval_number, as_the_c_library)
{
    struct rng rng;
    char text[80];
    rng_start(&rng, 3, RNG_TEST, 0);
    for (int i = 0; i < 200000; i++) {
        uint64_t bits = (uint64_t)rng_u32(&rng) << 32 | rng_u32(&rng);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (i % 3 == 0 && isfinite(value))
            snprintf(text, sizeof text, "%.17g", value);
        else if (i % 3 == 1)
            snprintf(text, sizeof text, "%.*f", (int)rng_below(&rng, 20), rng_double(&rng) * 1000);
        else
            snprintf(text, sizeof text, "%llu.%09ue%d",
                     (unsigned long long)(bits >> rng_below(&rng, 64)), rng_below(&rng, 1000000000),
                     (int)rng_below(&rng, 80) - 40);
        if (isfinite(value)) expect_double(text);
    }
}

// Half way between two doubles, and one digit to either side.
Test(eval_number, halves)
{
    static const char *const texts[] = {"9007199254740993",
                                        "9007199254740993.0000000001",
                                        "9007199254740992.9999999999",
                                        "0.500000000000000055511151231257827",
                                        "0.50000000000000005551115123125782702118",
                                        "0.50000000000000005551115123125782702119",
                                        "1.00000000000000011102230246251565404236",
                                        "5e-324",
                                        "2.47032822920623272e-324",
                                        "1.7976931348623157e308",
                                        "2.2250738585072011e-308",
                                        "0",
                                        "-0",
                                        "0.0",
                                        "0e999",
                                        "123456789012345678901234567890",
                                        "0.1e-6",
                                        "1E+2",
                                        "1e22",
                                        "1e23",
                                        "18446744073709551615",
                                        "18446744073709551616",
                                        "8.589934592e9"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) expect_double(texts[i]);
}

Test(eval_number, integers)
{
    static const struct {
        const char *text;
        bool is_integer;
        int64_t value;
    } cases[] = {{"9223372036854775807", true, INT64_MAX},
                 {"9223372036854775808", false, 0},
                 {"-9223372036854775808", true, INT64_MIN},
                 {"-9223372036854775809", false, 0},
                 {"9007199254740993", true, 9007199254740993},
                 {"7.0", true, 7},
                 {"1e3", true, 1000},
                 {"7.5", false, 0},
                 {"1e16", false, 0},
                 {"-0", true, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct json_number number;
        cr_assert(read_text(cases[i].text, &number));
        cr_expect_eq(number.is_integer, cases[i].is_integer, "%s", cases[i].text);
        if (number.is_integer) cr_expect_eq(number.integer, cases[i].value, "%s", cases[i].text);
    }
}

Test(eval_number, refused)
{
    static const char *const texts[] = {"",    "-",   "+1",  ".5",  "1.",  "1.e5",
                                        "1e",  "1e+", "01",  "-01", "0x1", "NaN",
                                        "inf", "--1", "1 2", "1,0", "a"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct json_number number;
        cr_expect(!read_text(texts[i], &number), "\"%s\" was read", texts[i]);
    }
}

// Elements {"id":N} with strings that look like borders of elements, cut into many parts.
static bool read_id_element(const void *context, void *element, struct json_cursor *cursor,
                            struct element_error *error)
{
    (void)context;
    struct object_reader reader;
    if (!object_begin(&reader, cursor)) return false;
    while (object_next(&reader)) {
        if (object_key_is(&reader, "id")) {
            if (!read_id(cursor, "id", element, error)) return false;
        } else if (!json_skip_value(cursor)) {
            return false;
        }
    }
    return !reader.is_broken;
}

static const struct array_format list_format = {
    .path = "f", .name = "list", .element_bytes = sizeof(int64_t), .read = read_id_element};

enum { N_ELEMENTS = 60000, ELEMENT_BYTES = 80 };

// Hostile ones hold strings and lists that look like the border of two elements.
static size_t write_elements(char *text, bool is_hostile, int broken_at)
{
    size_t used = 0;
    text[used++] = '[';
    for (int i = 0; i < N_ELEMENTS; i++) {
        const char *member = !is_hostile ? "\"a\":[1,2]"
                             : i % 2     ? "\"a\":\"},{\\\"id\\\":5},{\""
                                         : "\"a\":[{\"id\":3},{\"id\":4}]";
        used += (size_t)snprintf(text + used, ELEMENT_BYTES, "{%s,\"id\":%s%d}%s\n", member,
                                 i == broken_at ? "x" : "", i, i + 1 < N_ELEMENTS ? "," : "]");
    }
    return used;
}

static void check_parts(bool is_hostile)
{
    char *text = mem_alloc(N_ELEMENTS + 1, ELEMENT_BYTES);
    struct array_format format = list_format;
    size_t n_bytes = write_elements(text, is_hostile, -1);
    const unsigned char *bytes = (const unsigned char *)text;
    for (int threads = 1; threads <= 8; threads *= 2) {
        struct json_cursor cursor = {bytes, bytes, bytes + n_bytes, NULL};
        int64_t *ids;
        size_t n;
        cr_assert_eq(array_read(&format, &cursor, threads, &ids, &n), OK, "%s", fail_message());
        cr_assert_eq(n, N_ELEMENTS);
        for (size_t i = 0; i < n; i++) cr_assert_eq(ids[i], (int64_t)i);
        cr_assert_eq(cursor.at, bytes + n_bytes - 1);
        mem_free(ids);
    }
    static const int broken[] = {0, 1, N_ELEMENTS / 2, N_ELEMENTS - 1};
    for (int i = 0; i < 4; i++) {
        n_bytes = write_elements(text, is_hostile, broken[i]);
        struct json_cursor cursor = {bytes, bytes, bytes + n_bytes, NULL};
        int64_t *ids;
        size_t n;
        char message[64];
        const char *x = strchr(text, 'x');
        snprintf(message, sizeof message, "f: byte %zu: ", (size_t)(x - text));
        cr_assert_eq(array_read(&format, &cursor, 4, &ids, &n), ERR_PARSE);
        expect_message(message);
    }
    mem_free(text);
}

Test(eval_parts, plain)
{
    check_parts(false);
}

Test(eval_parts, hostile)
{
    check_parts(true);
}

Test(eval_parts, index_of_an_error)
{
    char *text = mem_alloc(N_ELEMENTS + 1, ELEMENT_BYTES);
    struct array_format format = list_format;
    size_t n_bytes = write_elements(text, false, -1);
    memcpy(strstr(text, ":50000}"), ":\"000\"}", 7);
    const unsigned char *bytes = (const unsigned char *)text;
    struct json_cursor cursor = {bytes, bytes, bytes + n_bytes, NULL};
    int64_t *ids;
    size_t n;
    cr_assert_eq(array_read(&format, &cursor, 8, &ids, &n), ERR_DATA);
    expect_message("f: list[50000] (byte ");
    expect_message("id is not a whole number");
    mem_free(text);
}

Test(eval_parts, escaped_keys)
{
    static const char text[] = "[{\"\\u0069d\":7},{\"i\\\"d\":1,\"id\":8}]";
    struct array_format format = list_format;
    const unsigned char *bytes = (const unsigned char *)text;
    struct json_cursor cursor = {bytes, bytes, bytes + strlen(text), NULL};
    int64_t *ids;
    size_t n;
    cr_assert_eq(array_read(&format, &cursor, 2, &ids, &n), OK, "%s", fail_message());
    cr_assert_eq(n, 2);
    cr_expect_eq(ids[0], 7);
    cr_expect_eq(ids[1], 8);
    mem_free(ids);
}
