#define _POSIX_C_SOURCE 200809L
#include "base/field.h"

#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct sample {
    bool flag;
    int64_t count;
    double rate;
    int shape;
    char name[FIELD_STRING_BYTES];
    struct field_ints sizes;
    struct field_floats ratios;
};

static const struct field table[] = {
    {"flag", FIELD_BOOL, offsetof(struct sample, flag), "true", 0, 0, NULL, "A switch."},
    {"count", FIELD_INT, offsetof(struct sample, count), "3", 1, 9, NULL, "How many."},
    {"rate", FIELD_FLOAT, offsetof(struct sample, rate), "0.5", 0, INFINITY, NULL, "How fast."},
    {"shape", FIELD_CHOICE, offsetof(struct sample, shape), "round", 0, 0, "flat|round|odd",
     "Which form it has."},
    {"name", FIELD_STRING, offsetof(struct sample, name), "", 0, 0, NULL, "What it is called."},
    {"sizes", FIELD_INTS, offsetof(struct sample, sizes), "640,800", 1, 4096, NULL, "Sides."},
    {"ratios", FIELD_FLOATS, offsetof(struct sample, ratios), "", -1, 1, NULL, "Ratios."},
    {.name = NULL},
};

static struct sample sample;

static void setup(void)
{
    fields_defaults(table, &sample);
}

TestSuite(field, .init = setup);

static void refuses_text(const char *name, const char *text, const char *part)
{
    struct sample before = sample;
    cr_assert_eq(fields_set_text(table, &sample, name, text), ERR_USAGE, "%s=%s", name, text);
    cr_assert(strstr(fail_message(), part), "'%s' lacks '%s'", fail_message(), part);
    cr_assert(memcmp(&before, &sample, sizeof sample) == 0);
}

static enum status set_json(const char *name, const char *text)
{
    cJSON *json = cJSON_Parse(text);
    cr_assert(json);
    enum status status = fields_set_json(table, &sample, name, json);
    cJSON_Delete(json);
    return status;
}

Test(field, defaults)
{
    cr_assert(sample.flag);
    cr_assert_eq(sample.count, 3);
    cr_assert_eq(sample.rate, 0.5);
    cr_assert_eq(sample.shape, 1);
    cr_assert_str_eq(sample.name, "");
    cr_assert_eq(sample.sizes.n, 2);
    cr_assert_eq(sample.sizes.v[1], 800);
    cr_assert_eq(sample.ratios.n, 0);
}

Test(field, text)
{
    static const char *const pairs[][2] = {{"flag", "false"},        {"count", "7"},
                                           {"rate", "1e-3"},         {"shape", "odd"},
                                           {"name", "a, b"},         {"sizes", "[1, 2 ,3]"},
                                           {"ratios", "-0.5,.25"},   {"sizes", "512"},
                                           {"ratios", "[]"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        cr_assert_eq(fields_set_text(table, &sample, pairs[i][0], pairs[i][1]), OK, "%s",
                     fail_message());
    cr_assert(!sample.flag);
    cr_assert_eq(sample.count, 7);
    cr_assert_eq(sample.rate, 1e-3);
    cr_assert_eq(sample.shape, 2);
    cr_assert_str_eq(sample.name, "a, b");
    cr_assert_eq(sample.sizes.n, 1);
    cr_assert_eq(sample.sizes.v[0], 512);
    cr_assert_eq(sample.ratios.n, 0);
}

Test(field, refused_text_names_the_field_and_its_bounds)
{
    refuses_text("count", "0", "count: 0 is not allowed; expected: integer, 1 to 9");
    refuses_text("count", "10", "1 to 9");
    refuses_text("count", "2.5", "integer");
    refuses_text("count", "3x", "3x");
    refuses_text("count", "", "integer");
    refuses_text("rate", "-1", "number, at least 0");
    refuses_text("rate", "nan", "number");
    refuses_text("rate", "inf", "number");
    refuses_text("rate", "1e999", "number");
    refuses_text("shape", "rounder", "flat|round|odd");
    refuses_text("shape", "", "flat|round|odd");
    refuses_text("flag", "maybe", "true or false");
    refuses_text("sizes", "1,,2", "sizes");
    refuses_text("sizes", "1,2,", "sizes");
    refuses_text("sizes", "[1,2", "sizes");
    refuses_text("sizes", "1,2]", "sizes");
    refuses_text("sizes", "[1]2", "sizes");
    refuses_text("sizes", "0", "1 to 4096");
}

Test(field, too_long)
{
    char text[FIELD_STRING_BYTES + 1], list[256] = "";
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    refuses_text("name", text, "1024 bytes");
    text[FIELD_STRING_BYTES - 1] = 0;
    cr_assert_eq(fields_set_text(table, &sample, "name", text), OK);
    cr_assert_str_eq(sample.name, text);
    for (int i = 0; i <= FIELD_LIST_MAX; i++) memcpy(list + 2 * i, "1,", 2);
    list[2 * FIELD_LIST_MAX + 1] = 0;
    refuses_text("sizes", list, "more than 32");
}

Test(field, json)
{
    cr_assert_eq(set_json("flag", "false"), OK);
    cr_assert_eq(set_json("count", "4"), OK);
    cr_assert_eq(set_json("rate", "2"), OK);
    cr_assert_eq(set_json("shape", "\"flat\""), OK);
    cr_assert_eq(set_json("name", "\"n\""), OK);
    cr_assert_eq(set_json("sizes", "[7]"), OK);
    cr_assert_eq(set_json("ratios", "1"), OK);
    cr_assert(!sample.flag && sample.count == 4 && sample.rate == 2 && sample.shape == 0);
    cr_assert(sample.sizes.n == 1 && sample.sizes.v[0] == 7 && sample.ratios.n == 1);
    static const char *const wrong[][2] = {
        {"flag", "1"},        {"flag", "\"true\""}, {"count", "\"4\""}, {"count", "null"},
        {"count", "4.5"},     {"count", "1e300"},   {"rate", "[1]"},    {"rate", "1e999"},
        {"shape", "1"},       {"shape", "\"x\""},   {"name", "5"},      {"sizes", "[1,\"2\"]"},
        {"sizes", "[[1]]"},   {"sizes", "{}"},      {"ratios", "[2]"},  {"sizes", "\"1,2\""}};
    struct sample before = sample;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cr_assert_eq(set_json(wrong[i][0], wrong[i][1]), ERR_USAGE, "%s", wrong[i][1]);
        cr_assert(strncmp(fail_message(), wrong[i][0], strlen(wrong[i][0])) == 0);
    }
    cr_assert(memcmp(&before, &sample, sizeof sample) == 0);
}

Test(field, unknown_names_offer_the_nearest)
{
    refuses_text("conut", "1", "did you mean 'count'?");
    refuses_text("SIZES", "1", "did you mean 'sizes'?");
    refuses_text("size", "1", "did you mean 'sizes'?");
    refuses_text("zzzzzz", "1", "zzzzzz: unknown name");
    cr_assert(!strstr(fail_message(), "did you mean"));
    cr_assert_null(fields_nearest(table, ""));
}

Test(field, distance)
{
    cr_assert_eq(text_distance("", "abc"), 3);
    cr_assert_eq(text_distance("kitten", "sitting"), 3);
    cr_assert_eq(text_distance("ab", "ba"), 1);
    cr_assert_eq(text_distance("min-size", "MIN_SIZE"), 0);
}

Test(field, json_round_trip)
{
    cr_assert_eq(fields_set_text(table, &sample, "rate", "0.1"), OK);
    cr_assert_eq(fields_set_text(table, &sample, "shape", "odd"), OK);
    cr_assert_eq(fields_set_text(table, &sample, "ratios", "0.3333333333333333,-1"), OK);
    cr_assert_eq(fields_set_text(table, &sample, "name", "caf\xc3\xa9 \"x\""), OK);
    cJSON *json = NULL;
    cr_assert_eq(fields_to_json(table, &sample, &json), OK);
    char *text = cJSON_Print(json);
    cJSON_Delete(json);
    json = cJSON_Parse(text);
    struct sample copy;
    fields_defaults(table, &copy);
    cr_assert_eq(fields_set_object(table, &copy, json), OK, "%s", fail_message());
    cJSON_Delete(json);
    cJSON_free(text);
    cr_assert_eq(copy.rate, sample.rate);
    cr_assert_eq(copy.shape, sample.shape);
    cr_assert_str_eq(copy.name, sample.name);
    cr_assert_eq(copy.ratios.n, 2);
    cr_assert_eq(copy.ratios.v[0], sample.ratios.v[0]);
}

Test(field, help_and_markdown)
{
    char *text = NULL;
    size_t n = 0;
    FILE *stream = open_memstream(&text, &n);
    fields_print_help(stream, table, "x.");
    fields_print_markdown(stream, table, "x.");
    cr_assert_eq(fclose(stream), 0);
    cr_assert(strstr(text, "  x.count=3\n      How many. [integer, 1 to 9]\n"), "%s", text);
    cr_assert(strstr(text, "| `x.shape` | `round` | flat\\|round\\|odd | Which form"), "%s", text);
    free(text);
}
