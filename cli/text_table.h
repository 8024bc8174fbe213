// Tables for terminals whose cells wrap at spaces and at line breaks.
#ifndef TARN_CLI_TEXT_TABLE_H
#define TARN_CLI_TEXT_TABLE_H

#include <stdbool.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct text_column {
    const char *title;
    int width;
    bool is_right; // flush right
};

// Two blanks stand between columns.
void text_table_head(FILE *stream, const struct text_column *columns, int n);
void text_table_row(FILE *stream, const struct text_column *columns, int n,
                    const char *const *cells);

// One paragraph between columns `indent` and `width`; the first line continues at `indent`.
void text_wrap(FILE *stream, const char *text, int indent, int width);

#ifdef __cplusplus
}
#endif
#endif
