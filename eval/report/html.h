// Text from anywhere, written so that a page keeps its form.
#ifndef TARN_EVAL_REPORT_HTML_H
#define TARN_EVAL_REPORT_HTML_H

#include <stddef.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

// For text and for attributes in double quotes: & < > " ' become entities. Bytes that are not
// UTF-8, control characters and marks that turn the direction of text become U+FFFD.
void html_text(FILE *stream, const char *text);

// At most n_chars characters; the last is then an ellipsis.
void html_text_cut(FILE *stream, const char *text, size_t n_chars);

// A quoted JSON string for a <script> element: the same replacements, and < > & as \u003c.
void html_json(FILE *stream, const char *text);

void html_base64(FILE *stream, const unsigned char *bytes, size_t n_bytes);

#ifdef __cplusplus
}
#endif
#endif
