#include "eval/report/html.h"

#include <stdbool.h>
#include <stdint.h>

enum { REPLACEMENT = 0xFFFD };

// Decodes one character (RFC 3629: no overlong forms, no surrogates) and moves behind it; one bad
// byte is one replacement.
static uint32_t next_character(const unsigned char **at)
{
    static const uint32_t least[4] = {0, 0x80, 0x800, 0x10000};
    const unsigned char *p = *at;
    uint32_t first = *p++;
    *at = p;
    int n_more = first < 0x80 ? 0 : first < 0xC0 ? -1 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
    if (n_more < 0 || first >= 0xF8) return REPLACEMENT;
    uint32_t c = n_more ? first & (0x3Fu >> n_more) : first;
    for (int i = 0; i < n_more; i++, p++) {
        if ((*p & 0xC0) != 0x80) return REPLACEMENT; // the final NUL too
        c = c << 6 | (*p & 0x3Fu);
    }
    if (c < least[n_more] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) return REPLACEMENT;
    *at = p;
    return c;
}

static bool is_hidden(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x200E || c == 0x200F ||
           (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF ||
           (c & 0xFFFE) == 0xFFFE;
}

static uint32_t next_visible(const unsigned char **at)
{
    uint32_t c = next_character(at);
    return is_hidden(c) ? REPLACEMENT : c;
}

static void put_character(FILE *stream, uint32_t c)
{
    if (c < 0x80)
        putc((int)c, stream);
    else if (c < 0x800)
        fprintf(stream, "%c%c", (int)(0xC0 | c >> 6), (int)(0x80 | (c & 0x3F)));
    else if (c < 0x10000)
        fprintf(stream, "%c%c%c", (int)(0xE0 | c >> 12), (int)(0x80 | (c >> 6 & 0x3F)),
                (int)(0x80 | (c & 0x3F)));
    else
        fprintf(stream, "%c%c%c%c", (int)(0xF0 | c >> 18), (int)(0x80 | (c >> 12 & 0x3F)),
                (int)(0x80 | (c >> 6 & 0x3F)), (int)(0x80 | (c & 0x3F)));
}

static void put_html(FILE *stream, uint32_t c)
{
    switch (c) {
    case '&':
        fputs("&amp;", stream);
        break;
    case '<':
        fputs("&lt;", stream);
        break;
    case '>':
        fputs("&gt;", stream);
        break;
    case '"':
        fputs("&quot;", stream);
        break;
    case '\'':
        fputs("&#39;", stream);
        break;
    default:
        put_character(stream, c);
    }
}

void html_text(FILE *stream, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    while (*at) put_html(stream, next_visible(&at));
}

void html_text_cut(FILE *stream, const char *text, size_t n_chars)
{
    size_t n = 0;
    for (const unsigned char *at = (const unsigned char *)text; *at; n++) (void)next_character(&at);
    const unsigned char *at = (const unsigned char *)text;
    for (size_t i = 0; *at && (n <= n_chars || i + 1 < n_chars); i++)
        put_html(stream, next_visible(&at));
    if (n > n_chars) fputs("\xE2\x80\xA6", stream);
}

void html_json(FILE *stream, const char *text)
{
    putc('"', stream);
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        uint32_t c = next_visible(&at);
        if (c == '"' || c == '\\')
            fprintf(stream, "\\%c", (int)c);
        else if (c == '<' || c == '>' || c == '&')
            fprintf(stream, "\\u%04x", (unsigned)c);
        else
            put_character(stream, c);
    }
    putc('"', stream);
}

void html_base64(FILE *stream, const unsigned char *bytes, size_t n_bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n_bytes; i += 3) {
        size_t n = n_bytes - i < 3 ? n_bytes - i : 3;
        uint32_t v = (uint32_t)bytes[i] << 16;
        if (n > 1) v |= (uint32_t)bytes[i + 1] << 8;
        if (n > 2) v |= bytes[i + 2];
        putc(digits[v >> 18], stream);
        putc(digits[v >> 12 & 63], stream);
        putc(n > 1 ? digits[v >> 6 & 63] : '=', stream);
        putc(n > 2 ? digits[v & 63] : '=', stream);
    }
}
