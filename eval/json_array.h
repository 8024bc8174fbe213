// Reads the elements of one large JSON array in several threads, straight into packed structs.
//
// The text is cut at guessed element borders; each part is read on its own. A part counts only when
// the one before it ended exactly where it began, so a wrong guess (a "},{" inside a string) costs
// time, never correctness: the rest of such a part is read again from the right place.
#ifndef TARN_EVAL_JSON_ARRAY_H
#define TARN_EVAL_JSON_ARRAY_H

#include "base/object_reader.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

// What is wrong with an element. `what` is static text; `member` may be NULL.
struct element_error {
    enum status status;        // ERR_PARSE: the cursor's error at its byte
    const char *member, *what; // "area", "is missing"
    const char *id_name;       // an id to name in the message, or NULL: "id", "image_id"
    long long id;
};

// Sets an error and returns false.
bool element_fail(struct element_error *error, enum status status, const char *member,
                  const char *what);

struct array_format {
    const char *path, *name; // for messages: "PATH: NAME[12] (byte 345): ..."
    size_t element_bytes;
    const void *context; // for read
    // Reads the value at the cursor into a zeroed element; false with *error set. A syntax error is
    // left to cursor->error, with status ERR_PARSE. Owns nothing on failure.
    bool (*read)(const void *context, void *element, struct json_cursor *cursor,
                 struct element_error *error);
    void (*destroy)(void *element); // NULL: elements own nothing
    bool is_mapped; // the text is a file's mapping: pages that were read are given back
};

// cursor: at the '[' of the array, behind its ']' on success. *elements (a pointer to a pointer to
// elements) gets a mem_alloc array of *n in file order.
enum status array_read(const struct array_format *format, struct json_cursor *cursor, int n_threads,
                       void *elements, size_t *n) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
