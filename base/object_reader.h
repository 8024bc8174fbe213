// Reads one JSON object member by member, without a tree.
#ifndef TARN_BASE_OBJECT_READER_H
#define TARN_BASE_OBJECT_READER_H

#include "base/json_scan.h"

#ifdef __cplusplus
extern "C" {
#endif

// Iterates over the members of one object: `begin` at the '{', then `next` until it is false; each
// value must be consumed between calls. key is raw bytes between the quotes, or decoded where it
// holds escapes.
struct object_reader {
    struct json_cursor *cursor;
    const char *key;
    size_t key_bytes;
    char decoded[64];
    bool is_first, is_broken;
};
bool object_begin(struct object_reader *reader, struct json_cursor *cursor);
bool object_next(struct object_reader *reader); // false: the end, or is_broken
bool object_key_is(const struct object_reader *reader, const char *name);

#ifdef __cplusplus
}
#endif
#endif
