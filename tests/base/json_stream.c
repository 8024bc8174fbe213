#include "base/json_stream.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/mem.h"
#include "tests/scratch.h"

// Reads everything, elements as trees; adds up what was seen.
struct seen {
    int n_members, n_elements;
    double sum; // of all elements that are numbers
};

static enum status read_elements(struct json_stream *stream, struct seen *seen)
{
    for (;;) {
        struct json_element element;
        cJSON *tree;
        TRY(json_stream_element(stream, &element));
        if (!element.bytes) return OK;
        TRY(json_stream_parse(stream, &element, NULL, NULL, &tree));
        if (cJSON_IsNumber(tree)) seen->sum += tree->valuedouble;
        seen->n_elements++;
        cJSON_Delete(tree);
    }
}

static enum status read_all(const char *path, struct seen *seen)
{
    struct json_stream stream;
    struct json_member member;
    enum status status = OK;
    *seen = (struct seen){0};
    TRY(json_stream_open(&stream, path));
    for (;;) {
        GUARD(json_stream_member(&stream, &member));
        if (!member.name) break;
        seen->n_members++;
        if (member.kind == JSON_ARRAY) GUARD(read_elements(&stream, seen));
    }
done:
    json_stream_close(&stream);
    return status;
}

static const char sample[] =
    "{\"info\": {\"a\": [1, 2]}, \"n\\u0061mes\": [\"x\", \"y\"],\n \"empty\": [ ], \"flag\": true,"
    " \"numbers\": [1, 2.5, -3e1], \"text\": \"[{\"}";

Test(json_stream, walks_members_and_elements)
{
    char path[PATH_BYTES];
    struct json_stream stream;
    struct json_member member;
    struct json_element element;
    static const char *const names[] = {"info", "names", "empty", "flag", "numbers", "text"};
    static const enum json_kind kinds[] = {JSON_OBJECT, JSON_ARRAY, JSON_ARRAY,
                                           JSON_BOOL,   JSON_ARRAY, JSON_STRING};
    scratch_text(path, "stream_sample.json", sample);
    cr_assert_eq(json_stream_open(&stream, path), OK);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 6; i++) {
            cr_assert_eq(json_stream_member(&stream, &member), OK, "%s", fail_message());
            cr_expect_str_eq(member.name, names[i]);
            cr_expect_eq(member.kind, kinds[i]);
        }
        cr_assert_eq(json_stream_member(&stream, &member), OK);
        cr_expect_null(member.name);
        cr_assert_eq(json_stream_member(&stream, &member), OK);
        cr_expect_null(member.name, "the end stays the end");
        json_stream_rewind(&stream);
    }
    cr_assert_eq(json_stream_member(&stream, &member), OK);
    cr_expect_eq(json_stream_element(&stream, &element), ERR_DATA);
    expect_message("\"info\" is an object, expected an array");
    cr_assert_eq(json_stream_value(&stream, &element), OK);
    cr_expect_eq(element.n_bytes, strlen("{\"a\": [1, 2]}"));
    cr_expect_eq(element.offset, 9u);
    json_stream_close(&stream);
    struct seen seen;
    cr_assert_eq(read_all(path, &seen), OK);
    cr_expect_eq(seen.n_members, 6);
    cr_expect_eq(seen.n_elements, 5);
    cr_expect_eq(seen.sum, -26.5);
}

Test(json_stream, reads_a_top_level_array)
{
    char path[PATH_BYTES];
    struct seen seen;
    scratch_text(path, "stream_array.json", "\xEF\xBB\xBF [1, 2,3 ]\n");
    cr_assert_eq(read_all(path, &seen), OK, "%s", fail_message());
    cr_expect_eq(seen.n_members, 1);
    cr_expect_eq(seen.sum, 6.0);
    scratch_text(path, "stream_array.json", "[]");
    cr_assert_eq(read_all(path, &seen), OK);
    cr_expect_eq(seen.n_elements, 0);
    scratch_text(path, "stream_array.json", "[1] 2");
    cr_expect_eq(read_all(path, &seen), ERR_PARSE);
    expect_message("byte 4: text after the end of the value");
    scratch_text(path, "stream_array.json", "17");
    cr_expect_eq(read_all(path, &seen), ERR_PARSE);
    expect_message("byte 0: expected '{' or '['");
}

Test(json_stream, seeks_back_to_a_member)
{
    char path[PATH_BYTES];
    struct json_stream stream;
    struct json_member member, numbers = {0};
    struct json_element element;
    scratch_text(path, "stream_seek.json", sample);
    cr_assert_eq(json_stream_open(&stream, path), OK);
    do {
        cr_assert_eq(json_stream_member(&stream, &member), OK);
        if (member.name && strcmp(member.name, "numbers") == 0) numbers = member;
    } while (member.name);
    for (int round = 0; round < 3; round++) {
        json_stream_seek(&stream, "numbers", numbers.offset);
        for (size_t i = 0; i < 3; i++) {
            cr_assert_eq(json_stream_element(&stream, &element), OK, "%s", fail_message());
            cr_expect_eq(element.index, i);
        }
        cr_expect_eq(memcmp(element.bytes, "-3e1", 4), 0);
        cr_assert_eq(json_stream_element(&stream, &element), OK);
        cr_expect_null(element.bytes);
    }
    json_stream_close(&stream);
}

Test(json_stream, omits_a_large_member_and_tells_its_range)
{
    char path[PATH_BYTES];
    struct json_stream stream;
    struct json_member member;
    struct json_element element, omitted;
    cJSON *tree;
    const char *text =
        "{\"a\": [{\"id\": 1, \"m\": [[1, 2], \"]\"], \"x\": {\"m\": 5}}, {\"id\": 2}, {}, 7]}";
    scratch_text(path, "stream_omit.json", text);
    cr_assert_eq(json_stream_open(&stream, path), OK);
    cr_assert_eq(json_stream_member(&stream, &member), OK);
    cr_assert_eq(json_stream_element(&stream, &element), OK);
    cr_assert_eq(json_stream_parse(&stream, &element, "m", &omitted, &tree), OK);
    cr_expect(cJSON_IsNull(json_find(tree, "m")));
    cr_expect(cJSON_IsNumber(json_find(json_find(tree, "x"), "m")), "only at the first level");
    cr_expect_eq(omitted.n_bytes, strlen("[[1, 2], \"]\"]"));
    cr_expect_eq(memcmp(text + omitted.offset, "[[1, 2], \"]\"]", omitted.n_bytes), 0);
    cJSON_Delete(tree);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(json_stream_element(&stream, &element), OK);
        cr_assert_eq(json_stream_parse(&stream, &element, "m", &omitted, &tree), OK);
        cr_expect_null(omitted.bytes);
        cJSON_Delete(tree);
    }
    json_stream_close(&stream);
}

// At the end of the file: the null that takes its place is longer. The sanitized build sees reads
// beyond the file.
Test(json_stream, omits_a_member_shorter_than_null)
{
    char path[PATH_BYTES];
    struct json_stream stream;
    struct json_member member;
    struct json_element element, omitted;
    cJSON *tree;
    scratch_text(path, "stream_short.json", "{\"a\":[{\"m\":1}]}");
    cr_assert_eq(json_stream_open(&stream, path), OK);
    cr_assert_eq(json_stream_member(&stream, &member), OK);
    cr_assert_eq(json_stream_element(&stream, &element), OK);
    cr_assert_eq(json_stream_parse(&stream, &element, "m", &omitted, &tree), OK);
    cr_expect_eq(omitted.n_bytes, 1);
    cr_expect(cJSON_IsNull(json_find(tree, "m")));
    cJSON_Delete(tree);
    json_stream_close(&stream);
}

Test(json_stream, truncation_at_every_byte_is_an_error_with_its_offset)
{
    char path[PATH_BYTES], where[64];
    struct seen seen;
    for (size_t n = 0; n < strlen(sample); n++) {
        scratch_write(path, "stream_truncated.json", sample, n);
        cr_expect_eq(read_all(path, &seen), ERR_PARSE, "%zu bytes", n);
        snprintf(where, sizeof where, "byte %zu: unexpected end of file", n);
        expect_message(where);
        expect_message("stream_truncated.json");
    }
}

Test(json_stream, errors_in_skipped_parts_are_found)
{
    char path[PATH_BYTES];
    struct seen seen;
    scratch_text(path, "stream_skipped.json", "{\"info\": {\"a\": [1 2]}, \"b\": []}");
    cr_expect_eq(read_all(path, &seen), ERR_PARSE);
    expect_message("byte 18: expected ',' or ']'");
    scratch_text(path, "stream_skipped.json", "{\"b\": [{\"bbox\": [1, NaN]}]}");
    cr_expect_eq(read_all(path, &seen), ERR_PARSE);
    expect_message("byte 20: NaN is not JSON");
    scratch_text(path, "stream_skipped.json", "{\"b\": [1]} {");
    cr_expect_eq(read_all(path, &seen), ERR_PARSE);
}

Test(json_stream, every_allocation_may_fail)
{
    char path[PATH_BYTES];
    struct seen seen;
    enum status status = ERR_MEMORY;
    scratch_text(path, "stream_memory.json", "{\"a\": [{\"x\": [1, \"y\"]}], \"\\u0062\": [2]}");
    for (size_t nth = 1; status != OK; nth++) {
        mem_fail_at(nth, false);
        status = read_all(path, &seen);
        mem_fail_at(0, false);
        cr_assert(status == OK || status == ERR_MEMORY, "%zu: %s", nth, fail_message());
        cr_assert_lt(nth, 100u);
    }
}

// More than the pages that are kept: content must stay right while passed pages are given back.
Test(json_stream, large_files_read_the_same)
{
    enum { N = 300000 };
    char path[PATH_BYTES];
    struct file_writer writer;
    struct seen seen;
    scratch_path(path, "stream_large.json");
    cr_assert_eq(file_writer_begin(&writer, path), OK);
    fputs("{\"a\": [", writer.stream);
    for (int i = 0; i < N; i++) fprintf(writer.stream, "%s%-80d", i ? "," : "", i);
    fputs("]}", writer.stream);
    cr_assert_eq(file_writer_commit(&writer), OK);
    cr_assert_eq(read_all(path, &seen), OK, "%s", fail_message());
    cr_expect_eq(seen.n_elements, N);
    cr_expect_eq(seen.sum, 0.5 * N * (N - 1.0));
    remove(path);
}
