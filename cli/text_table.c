#include "cli/text_table.h"

#include <assert.h>
#include <string.h>

enum { MAX_COLUMNS = 16 };

// Bytes of the next line of at most `width`; *skip: the blanks or the line break after it.
static int next_line(const char *text, int width, int *skip)
{
    int length = (int)strcspn(text, "\n");
    if (length > width) {
        int cut = width;
        while (cut > 0 && text[cut] != ' ') cut--;
        length = cut > 0 ? cut : width;
        *skip = (int)strspn(text + length, " ");
    } else {
        *skip = text[length] == '\n';
    }
    return length;
}

void text_table_row(FILE *stream, const struct text_column *columns, int n,
                    const char *const *cells)
{
    const char *left[MAX_COLUMNS];
    assert(n <= MAX_COLUMNS);
    for (int i = 0; i < n; i++) left[i] = cells[i];
    for (bool more = true; more;) {
        int gap = 0; // blanks owed: none are written at a line's end
        more = false;
        for (int i = 0; i < n; i++) {
            int skip, length = next_line(left[i], columns[i].width, &skip);
            int blank = columns[i].width - length;
            if (length > 0)
                fprintf(stream, "%*s%.*s", gap + (columns[i].is_right ? blank : 0), "", length,
                        left[i]);
            gap = (length > 0 ? 0 : gap) + 2 +
                  (length == 0           ? columns[i].width
                   : columns[i].is_right ? 0
                                         : blank);
            left[i] += length + skip;
            more = more || left[i][0];
        }
        fputc('\n', stream);
    }
}

void text_table_head(FILE *stream, const struct text_column *columns, int n)
{
    const char *titles[MAX_COLUMNS], *rules[MAX_COLUMNS];
    static const char rule[] = "----------------------------------------------------------------"
                               "------------------------------------";
    assert(n <= MAX_COLUMNS);
    for (int i = 0; i < n; i++) {
        titles[i] = columns[i].title;
        rules[i] = rule + sizeof rule - 1 - (size_t)columns[i].width;
    }
    text_table_row(stream, columns, n, titles);
    text_table_row(stream, columns, n, rules);
}

void text_wrap(FILE *stream, const char *text, int indent, int width)
{
    for (bool is_first = true; *text; is_first = false) {
        int skip, length = next_line(text, width - indent, &skip);
        fprintf(stream, "%*s%.*s\n", is_first ? 0 : indent, "", length, text);
        text += length + skip;
    }
}
