#include "eval/submission_stream.h"

#include <string.h>

#include "base/json_scan.h"
#include "base/mem.h"

enum { BEFORE_ARRAY, BEFORE_FIRST, BEHIND_ELEMENT, BEHIND_ARRAY };
enum {
    FIRST_BYTES = 1 << 20,
    // Where the text was cut, the scanner stops at most this far before the cut.
    CUT_BYTES = 64,
};

void element_stream_free(struct element_stream *stream)
{
    mem_free(stream->buffer);
    stream->buffer = NULL;
    stream->capacity = stream->n = stream->at = 0;
}

// More bytes behind those from `at` on, which move to the front; the buffer grows when they fill
// it.
static enum status refill(struct element_stream *stream)
{
    size_t left = stream->n - stream->at;
    if (left) memmove(stream->buffer, stream->buffer + stream->at, left);
    stream->passed += stream->at;
    stream->at = 0;
    stream->n = left;
    if (left == stream->capacity) {
        if (left >= STREAM_MAX_ELEMENT_BYTES)
            return fail(ERR_DATA, "byte %llu (entry %zu): an entry of more than %d MiB",
                        (unsigned long long)stream->passed, stream->index,
                        STREAM_MAX_ELEMENT_BYTES >> 20);
        size_t capacity = left ? 2 * left : FIRST_BYTES;
        char *buffer = mem_resize(stream->buffer, capacity, 1);
        if (!buffer) return ERR_MEMORY;
        stream->buffer = buffer;
        stream->capacity = capacity;
    }
    while (stream->n < stream->capacity && !stream->is_at_end) {
        size_t got = 0;
        TRY(stream->read(stream->context, stream->buffer + stream->n, stream->capacity - stream->n,
                         &got));
        stream->n += got;
        stream->is_at_end = got == 0;
    }
    return OK;
}

static enum status stream_fail(const struct element_stream *stream, size_t at, const char *what)
{
    return fail(ERR_PARSE, "byte %llu (entry %zu): %s", (unsigned long long)stream->passed + at,
                stream->index, what);
}

// The next byte that is no space; *byte -1: the text has ended.
static enum status peek(struct element_stream *stream, int *byte)
{
    for (;;) {
        while (stream->at < stream->n && strchr(" \t\r\n", stream->buffer[stream->at]) &&
               stream->buffer[stream->at])
            stream->at++;
        *byte = stream->at < stream->n ? (unsigned char)stream->buffer[stream->at] : -1;
        if (*byte >= 0 || stream->is_at_end) return OK;
        TRY(refill(stream));
    }
}

static enum status take_element(struct element_stream *stream, struct stream_element *element)
{
    for (;;) {
        const unsigned char *begin = (const unsigned char *)stream->buffer;
        struct json_cursor cursor = {begin, begin + stream->at, begin + stream->n, NULL};
        bool is_sound = json_skip_value(&cursor);
        bool is_cut = is_sound ? cursor.at == cursor.end : cursor.end - cursor.at < CUT_BYTES;
        if (is_cut && !stream->is_at_end) {
            TRY(refill(stream));
            continue;
        }
        size_t end = (size_t)(cursor.at - begin);
        if (!is_sound) return stream_fail(stream, end, cursor.error);
        *element = (struct stream_element){stream->buffer + stream->at, end - stream->at,
                                           stream->passed + stream->at, stream->index};
        stream->at = end;
        return OK;
    }
}

static enum status end_text(struct element_stream *stream, struct stream_element *element)
{
    int byte;
    stream->state = BEHIND_ARRAY;
    TRY(peek(stream, &byte));
    if (byte >= 0) return stream_fail(stream, stream->at, "text after the end of the array");
    *element = (struct stream_element){.bytes = NULL};
    return OK;
}

enum status element_stream_next(struct element_stream *stream, struct stream_element *element)
{
    int byte;
    TRY(peek(stream, &byte));
    if (stream->state == BEFORE_ARRAY) {
        if (byte == '{')
            return fail(ERR_DATA, "byte %llu: an object, expected an array of results",
                        (unsigned long long)stream->passed + stream->at);
        if (byte != '[')
            return stream_fail(stream, stream->at,
                               byte < 0 ? "unexpected end of file" : "expected '['");
        stream->at++;
        stream->state = BEFORE_FIRST;
        TRY(peek(stream, &byte));
    }
    if (stream->state == BEHIND_ARRAY) return end_text(stream, element);
    if (byte == ']') {
        stream->at++;
        return end_text(stream, element);
    }
    if (stream->state == BEHIND_ELEMENT) {
        if (byte != ',')
            return stream_fail(stream, stream->at,
                               byte < 0 ? "unexpected end of file" : "expected ',' or ']'");
        stream->at++;
        TRY(peek(stream, &byte));
    }
    TRY(take_element(stream, element));
    stream->state = BEHIND_ELEMENT;
    stream->index++;
    return OK;
}
