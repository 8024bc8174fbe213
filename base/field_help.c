// What people read about fields: the nearest name, help paragraphs, Markdown rows.
#define _POSIX_C_SOURCE 200809L
#include <ctype.h>
#include <string.h>

#include "base/field.h"

enum { NAME_BYTES = 127, HELP_WIDTH = 100, HELP_INDENT = 6 };

static int fold(char c)
{
    return c == '-' ? '_' : tolower((unsigned char)c);
}

static int least(int a, int b, int c)
{
    int m = a < b ? a : b;
    return m < c ? m : c;
}

// Optimal string alignment: three rows of the usual table suffice.
int text_distance(const char *a, const char *b)
{
    size_t n = strnlen(a, NAME_BYTES), m = strnlen(b, NAME_BYTES);
    int rows[3][NAME_BYTES + 1];
    int *before = rows[0], *last = rows[1], *now = rows[2];
    for (size_t j = 0; j <= m; j++) last[j] = (int)j;
    for (size_t i = 1; i <= n; i++) {
        now[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            int x = fold(a[i - 1]), y = fold(b[j - 1]);
            now[j] = least(last[j] + 1, now[j - 1] + 1, last[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == fold(b[j - 2]) && y == fold(a[i - 2]) &&
                before[j - 2] + 1 < now[j])
                now[j] = before[j - 2] + 1;
        }
        int *row = before;
        before = last;
        last = now;
        now = row;
    }
    return last[m];
}

bool text_is_near(const char *name, int distance)
{
    int n = (int)strnlen(name, NAME_BYTES);
    return distance <= (n < 6 ? 2 : n / 3) && distance < n;
}

const char *fields_nearest(const struct field *table, const char *name)
{
    const char *best = NULL;
    int best_distance = NAME_BYTES + 1;
    for (const struct field *f = table; f && f->name; f++) {
        int distance = text_distance(name, f->name);
        if (distance < best_distance) {
            best_distance = distance;
            best = f->name;
        }
    }
    return best && text_is_near(name, best_distance) ? best : NULL;
}

// Prints words, starting new lines before column HELP_WIDTH.
static void print_wrapped(FILE *stream, const char *text, int *column)
{
    while (*text) {
        int n = (int)strcspn(text, " ");
        if (*column + 1 + n > HELP_WIDTH) {
            fprintf(stream, "\n%*s", HELP_INDENT, "");
            *column = HELP_INDENT;
        } else if (*column > HELP_INDENT) {
            fputc(' ', stream);
            (*column)++;
        }
        fprintf(stream, "%.*s", n, text);
        *column += n;
        text += n;
        text += strspn(text, " ");
    }
}

void fields_print_help(FILE *stream, const struct field *table, const char *prefix)
{
    for (const struct field *f = table; f && f->name; f++) {
        char allowed[FIELD_TEXT_BYTES], bracketed[FIELD_TEXT_BYTES + 2];
        int column = HELP_INDENT;
        snprintf(bracketed, sizeof bracketed, "[%s]", field_allowed(f, allowed));
        fprintf(stream, "  %s%s=%s\n%*s", prefix, f->name, f->initial, HELP_INDENT, "");
        print_wrapped(stream, f->help, &column);
        print_wrapped(stream, bracketed, &column);
        fputc('\n', stream);
    }
}

// A bar would end the table's cell.
static void print_cell(FILE *stream, const char *text)
{
    for (; *text; text++) {
        if (*text == '|') fputc('\\', stream);
        fputc(*text, stream);
    }
}

void fields_print_markdown(FILE *stream, const struct field *table, const char *prefix)
{
    for (const struct field *f = table; f && f->name; f++) {
        char allowed[FIELD_TEXT_BYTES];
        fprintf(stream, "| `%s%s` | ", prefix, f->name);
        if (f->initial[0]) {
            fputc('`', stream);
            print_cell(stream, f->initial);
            fputc('`', stream);
        }
        fputs(" | ", stream);
        print_cell(stream, field_allowed(f, allowed));
        fputs(" | ", stream);
        print_cell(stream, f->help);
        fputs(" |\n", stream);
    }
}
