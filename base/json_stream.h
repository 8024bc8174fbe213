// Reads a JSON file of any size element by element: the file is mapped, a scanner finds the byte
// range of each element of the top-level arrays, and one small cJSON tree is built at a time.
// Pages that were passed are given back, so resident memory stays small.
//
//     TRY(json_stream_open(&stream, path));
//     while ((status = json_stream_member(&stream, &member)) == OK && member.name) {
//         if (strcmp(member.name, "images") != 0 || member.kind != JSON_ARRAY) continue; // skipped
//         while ((status = json_stream_element(&stream, &element)) == OK && element.bytes) {
//             cJSON *tree;
//             status = json_stream_parse(&stream, &element, NULL, NULL, &tree); ...
//             cJSON_Delete(tree);
//         }
//     }
//     json_stream_close(&stream);
//
// A file whose top level is an array (results files) has one member, named "".
// Errors: ERR_PARSE "PATH: byte 1234: expected ',' or ']'"; also for parts that are skipped, and
// for anything behind the top-level value.
#ifndef TARN_BASE_JSON_STREAM_H
#define TARN_BASE_JSON_STREAM_H

#include "base/file.h"
#include "base/json.h"
#include "base/json_scan.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { JSON_NAME_BYTES = 128, JSON_MAX_ELEMENT_BYTES = 64 << 20 };

struct json_stream {
    char path[PATH_BYTES];
    struct file_map map;
    struct json_cursor cursor;
    int state;                  // private
    char name[JSON_NAME_BYTES]; // of the current member; longer names are cut
    enum json_kind kind;        // of the current member
    size_t index;               // of the next element
    const unsigned char *dropped; // pages before it were given back
    bool is_object;             // top level
};

// A member of the top-level object. name == NULL: there are no more.
struct json_member {
    const char *name; // borrowed until the next call
    enum json_kind kind;
    uint64_t offset; // of its value in the file
};

// A range of the file. bytes == NULL: there are no more. Valid until the next call on the stream;
// the offset stays meaningful for ever.
struct json_element {
    const unsigned char *bytes;
    size_t n_bytes;
    uint64_t offset;
    size_t index; // in its array
};

enum status json_stream_open(struct json_stream *stream, const char *path) MUST_USE;
void json_stream_close(struct json_stream *stream); // also harmless on a zeroed stream

// The next top-level member. What was left of the last one is checked and skipped.
enum status json_stream_member(struct json_stream *stream, struct json_member *member) MUST_USE;

// The next element of the current member, which must be an array (ERR_DATA otherwise).
enum status json_stream_element(struct json_stream *stream, struct json_element *element) MUST_USE;

// The current member's value as a whole, before any element of it was read.
enum status json_stream_value(struct json_stream *stream, struct json_element *value) MUST_USE;

// Builds the tree of an element of at most JSON_MAX_ELEMENT_BYTES; free with cJSON_Delete.
// omit (may be NULL) names a member of the element that may be large: in the tree it becomes null,
// and its value's range is given in *omitted (bytes NULL when absent).
enum status json_stream_parse(const struct json_stream *stream, const struct json_element *element,
                              const char *omit, struct json_element *omitted,
                              cJSON **tree) MUST_USE;

// Starts again at the first member.
void json_stream_rewind(struct json_stream *stream);

// Goes back to the value of a member that json_stream_member gave before (its name and offset).
void json_stream_seek(struct json_stream *stream, const char *name, uint64_t offset);

#ifdef __cplusplus
}
#endif
#endif
