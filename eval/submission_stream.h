// The elements of one large JSON array out of a stream, in bounded memory: a zip's entry of any
// size is read without being unpacked anywhere.
#ifndef TARN_EVAL_SUBMISSION_STREAM_H
#define TARN_EVAL_SUBMISSION_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { STREAM_MAX_ELEMENT_BYTES = 64 << 20 };

struct element_stream {
    // Fills up to n bytes; *got 0: the end. May fail.
    enum status (*read)(void *context, void *bytes, size_t n, size_t *got);
    void *context;
    char *buffer;
    size_t capacity, n, at; // bytes there are; the next one
    uint64_t passed;        // bytes before the buffer
    size_t index;           // of the next element
    int state;              // private
    bool is_at_end;         // of the stream
};

// A range of the text, valid until the next call. bytes NULL: the array and the text have ended.
struct stream_element {
    const char *bytes;
    size_t n;
    uint64_t offset;
    size_t index;
};

// read and context are set, the rest is zeroed. Frees with element_stream_free.
// ERR_PARSE "byte 123 (entry 4): expected ..."; ERR_DATA when it is no array, or an element is over
// the limit; what read returns.
enum status element_stream_next(struct element_stream *stream,
                                struct stream_element *element) MUST_USE;
void element_stream_free(struct element_stream *stream);

#ifdef __cplusplus
}
#endif
#endif
