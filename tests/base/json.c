#include "base/json.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/json_scan.h"
#include "base/mem.h"
#include "tests/scratch.h"

static enum status parse(const char *text, bool comments, cJSON **tree)
{
    return json_parse("t.json", text, strlen(text), comments, tree);
}

static cJSON *parse_good(const char *text)
{
    cJSON *tree = NULL;
    cr_assert_eq(parse(text, false, &tree), OK, "%s: %s", text, fail_message());
    return tree;
}

struct bad_text {
    const char *text, *message;
};

Test(json, refuses_broken_text_with_line_byte_and_reason)
{
    static const struct bad_text cases[] = {
        {"", "t.json: line 1, byte 0: unexpected end of file"},
        {"{", "line 1, byte 1: unexpected end of file"},
        {"[1,\n2", "line 2, byte 5: unexpected end of file"},
        {"[1,]", "byte 3: expected a value"},
        {"[1 2]", "byte 3: expected ',' or ']'"},
        {"{\"a\" 1}", "byte 5: expected ':'"},
        {"{\"a\":1 \"b\":2}", "byte 7: expected ',' or '}'"},
        {"{a:1}", "byte 1: expected a string"},
        {"{\"a\":1,}", "byte 7: expected a string"},
        {"[NaN]", "byte 1: NaN is not JSON"},
        {"[Infinity]", "byte 1: Infinity is not JSON"},
        {"[-Infinity]", "byte 2: Infinity is not JSON"},
        {"[nul]", "byte 1: expected a value"},
        {"[tru", "byte 4: unexpected end of file"},
        {"[01]", "byte 2: a number begins with 0"},
        {"[1.]", "byte 3: expected a digit"},
        {"[1e+]", "byte 4: expected a digit"},
        {"[-]", "byte 2: expected a digit"},
        {"[+1]", "byte 1: expected a value"},
        {"[.5]", "byte 1: expected a value"},
        {"[1] x", "byte 4: text after the end of the value"},
        {"\"a\nb\"", "byte 2: a control character in a string"},
        {"\"a\\x\"", "byte 3: unknown escape in a string"},
        {"\"\\u12g4\"", "byte 5: expected four hexadecimal digits"},
        {"\"a\\u0000b\"", "byte 3: \\u0000 in a string is not supported"},
        {"\"\\ud800\"", "half of a surrogate pair"},
        {"\"\\ud800\\u0041\"", "half of a surrogate pair"},
        {"\"\\udc00\"", "half of a surrogate pair"},
        {"\"abc", "byte 4: unexpected end of file"},
        {"// no\n1", "byte 0: expected a value"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cJSON *tree = NULL;
        cr_expect_eq(parse(cases[i].text, false, &tree), ERR_PARSE, "%s", cases[i].text);
        cr_expect_null(tree);
        expect_message(cases[i].message);
    }
}

Test(json, refuses_deep_nesting_and_endless_numbers)
{
    char text[400];
    cJSON *tree = NULL;
    memset(text, '[', JSON_MAX_DEPTH);
    memset(text + JSON_MAX_DEPTH, ']', JSON_MAX_DEPTH);
    text[2 * JSON_MAX_DEPTH] = 0;
    cr_assert_eq(parse(text, false, &tree), OK, "%s", fail_message());
    cJSON_Delete(tree);
    memset(text, '[', 399);
    text[399] = 0;
    cr_expect_eq(parse(text, false, &tree), ERR_PARSE);
    expect_message("byte 128: nested more than 128 deep");
    memset(text, '1', JSON_MAX_NUMBER_BYTES + 1);
    text[JSON_MAX_NUMBER_BYTES + 1] = 0;
    cr_expect_eq(parse(text, false, &tree), ERR_PARSE);
    expect_message("byte 0: a number of more than 63 characters");
    text[JSON_MAX_NUMBER_BYTES] = 0;
    cr_assert_eq(parse(text, false, &tree), OK);
    cJSON_Delete(tree);
}

Test(json, accepts_what_is_json)
{
    static const char *const good[] = {
        "0",
        "-0",
        "-1.5e-3",
        "1E9",
        "\"\\u00e9\\ud83d\\ude00 \\\" \\/\"",
        "true",
        "null",
        " [ ] ",
        "{ }",
        "{\"a\":{\"b\":[1,2,{}]}}",
        "\xEF\xBB\xBF[1]",
        "[\"\xC3\xA9\"]",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) cJSON_Delete(parse_good(good[i]));
}

Test(json, comments_only_where_allowed)
{
    cJSON *tree = NULL;
    const char *text =
        "{ // one\n \"a\": /* two\n */ 1, \"b\": \"// no /* comment\", \"c\\\"//\": 2 }";
    cr_expect_eq(parse(text, false, &tree), ERR_PARSE);
    cr_assert_eq(parse(text, true, &tree), OK, "%s", fail_message());
    cr_expect_str_eq(json_find(tree, "b")->valuestring, "// no /* comment");
    cr_expect_not_null(json_find(tree, "c\"//"));
    cJSON_Delete(tree);
    cr_expect_eq(parse("{\n\n/* open", true, &tree), ERR_PARSE);
    expect_message("line 3, byte 3: expected a string");
}

static const struct json_place place = {"f.json", "annotations", 17};

Test(json, ids_are_whole_and_exact)
{
    cJSON *tree = parse_good("{\"a\": 9007199254740992, \"b\": 9007199254740994, \"c\": 1.5, "
                             "\"d\": \"1\", \"e\": 3e9, \"f\": -7, \"g\": 1e999}");
    int64_t id = 5;
    cr_expect_eq(json_get_id(tree, &place, "a", &id), OK);
    cr_expect_eq(id, INT64_C(9007199254740992));
    cr_expect_eq(json_get_id(tree, &place, "e", &id), OK);
    cr_expect_eq(id, INT64_C(3000000000), "beyond valueint");
    cr_expect_eq(json_get_id(tree, &place, "f", &id), OK);
    cr_expect_eq(id, INT64_C(-7));
    cr_expect_eq(json_get_id(tree, &place, "b", &id), ERR_DATA);
    cr_expect_eq(json_get_id(tree, &place, "c", &id), ERR_DATA);
    expect_message("f.json: annotations[17]: \"c\" is 1.5, expected a whole number up to 2^53");
    cr_expect_eq(json_get_id(tree, &place, "d", &id), ERR_DATA);
    expect_message("\"d\" is a string, expected a number");
    cr_expect_eq(json_get_id(tree, &place, "g", &id), ERR_DATA);
    cr_expect_eq(json_get_id(tree, &place, "h", &id), ERR_DATA);
    expect_message("f.json: annotations[17]: has no \"h\"");
    cr_expect_eq(id, INT64_C(-7), "unchanged by errors");
    cJSON_Delete(tree);
}

Test(json, numbers_texts_and_flags)
{
    cJSON *tree =
        parse_good("{\"n\": 2.5, \"inf\": -1e999, \"box\": [1, 2, 3.5, 4], \"bad\": [1, null], "
                   "\"t\": \"x\", \"yes\": true, \"one\": 1, \"zero\": 0, \"twice\": 1, "
                   "\"twice\": 2}");
    double value, box[4];
    int whole;
    const char *text;
    bool flag = true;
    cr_expect_eq(json_get_number(tree, &place, "n", &value), OK);
    cr_expect_eq(value, 2.5);
    cr_expect_eq(json_get_number(tree, &place, "inf", &value), ERR_DATA);
    expect_message("\"inf\" is not a finite number");
    cr_expect_eq(json_get_numbers(tree, &place, "box", 4, box), OK);
    cr_expect_eq(box[2], 3.5);
    cr_expect_eq(json_get_numbers(tree, &place, "box", 3, box), ERR_DATA);
    expect_message("\"box\" has 4 numbers, expected 3");
    cr_expect_eq(json_get_numbers(tree, &place, "bad", 2, box), ERR_DATA);
    expect_message("\"bad\"[1] is not a finite number");
    cr_expect_eq(json_get_int(tree, &place, "zero", 1, 9, &whole), ERR_DATA);
    expect_message("\"zero\" is 0, expected 1 to 9");
    cr_expect_eq(json_get_int(tree, &place, "twice", 1, 9, &whole), OK);
    cr_expect_eq(whole, 2, "the last of several counts");
    cr_expect_eq(json_get_string(tree, &place, "t", &text), OK);
    cr_expect_str_eq(text, "x");
    cr_expect_eq(json_get_flag(tree, &place, "zero", &flag), OK);
    cr_expect_not(flag);
    cr_expect_eq(json_get_flag(tree, &place, "one", &flag), OK);
    cr_expect(flag);
    cr_expect_eq(json_get_flag(tree, &place, "absent", &flag), OK);
    cr_expect(flag);
    cr_expect_eq(json_get_flag(tree, &place, "t", &flag), ERR_DATA);
    const struct json_place whole_file = {"f.json", NULL, 0},
                            member = {"f.json", "model", JSON_NO_INDEX};
    cr_expect_eq(json_get_string(json_find(tree, "t"), &whole_file, "x", &text), ERR_DATA);
    expect_message("f.json: is a string, expected an object");
    cr_expect_eq(json_get_string(tree, &member, "x", &text), ERR_DATA);
    expect_message("f.json: model: has no \"x\"");
    cr_expect_null(json_find(NULL, "x"));
    cJSON_Delete(tree);
}

Test(json, written_strings_come_back)
{
    char path[PATH_BYTES];
    struct file_writer writer;
    const char *text = "a\"b\\c\n\t\x01 \xC3\xA9 /";
    scratch_path(path, "json_string.json");
    cr_assert_eq(file_writer_begin(&writer, path), OK);
    json_write_string(writer.stream, text);
    cr_assert_eq(file_writer_commit(&writer), OK);
    cJSON *tree = NULL;
    cr_assert_eq(json_load(path, 0, false, &tree), OK, "%s", fail_message());
    cr_expect_str_eq(tree->valuestring, text);
    cJSON_Delete(tree);
}

Test(json, every_allocation_may_fail)
{
    const char *text = "{\"a\": [1, 2, {\"b\": \"c\"}], \"d\": \"\\u00e9\"}";
    enum status status = ERR_MEMORY;
    for (size_t nth = 1; status != OK; nth++) {
        cJSON *tree = NULL;
        mem_fail_at(nth, false);
        status = parse(text, false, &tree);
        mem_fail_at(0, false);
        cr_assert(status == OK || (status == ERR_MEMORY && !tree), "%zu: %s", nth, fail_message());
        cJSON_Delete(tree);
        cr_assert_lt(nth, 100u);
    }
}
