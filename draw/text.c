#include "draw/text.h"

#include <string.h>

// Bytes of the well-formed UTF-8 character at s (Unicode 15, table 3-7), 0 when there is none.
static size_t character_bytes(const unsigned char *s)
{
    if (s[0] < 0x80) return 1;
    size_t n = s[0] >= 0xC2 && s[0] <= 0xDF ? 2 : s[0] >= 0xE0 && s[0] <= 0xEF ? 3 : 4;
    if (n == 4 && (s[0] < 0xF0 || s[0] > 0xF4)) return 0;
    unsigned char low = 0x80, high = 0xBF;
    if (s[0] == 0xE0) low = 0xA0;
    if (s[0] == 0xED) high = 0x9F;
    if (s[0] == 0xF0) low = 0x90;
    if (s[0] == 0xF4) high = 0x8F;
    if (s[1] < low || s[1] > high) return 0;
    for (size_t i = 2; i < n; i++)
        if (s[i] < 0x80 || s[i] > 0xBF) return 0;
    return n;
}

void text_clean(const char *text, char out[TEXT_BYTES])
{
    size_t used = 0;
    const unsigned char *s = (const unsigned char *)(text ? text : "");
    while (*s) {
        size_t n = character_bytes(s);
        bool is_c1_control = n == 2 && s[0] == 0xC2 && s[1] < 0xA0;
        char plain = n == 0 ? '?' : ' ';
        bool is_kept = n > 0 && !(n == 1 && (s[0] < 0x20 || s[0] == 0x7F)) && !is_c1_control;
        size_t bytes = is_kept ? n : 1;
        if (used + bytes >= TEXT_BYTES) break;
        memcpy(out + used, is_kept ? (const char *)s : &plain, bytes);
        used += bytes;
        s += n ? n : 1;
    }
    out[used] = 0;
}

void text_font(cairo_t *cr, double size, bool is_bold)
{
    cairo_font_weight_t weight = is_bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL;
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_SLIGHT);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    cairo_set_font_options(cr, options);

    // An unusable font would put the whole canvas into an error state: try it aside first.
    cairo_font_face_t *face =
        cairo_toy_font_face_create("DejaVu Sans", CAIRO_FONT_SLANT_NORMAL, weight);
    cairo_matrix_t scale, identity;
    cairo_matrix_init_scale(&scale, size, size);
    cairo_matrix_init_identity(&identity);
    cairo_scaled_font_t *probe = cairo_scaled_font_create(face, &scale, &identity, options);
    if (cairo_scaled_font_status(probe) != CAIRO_STATUS_SUCCESS) {
        cairo_font_face_destroy(face);
        face = cairo_toy_font_face_create("@cairo:", CAIRO_FONT_SLANT_NORMAL, weight);
    }
    cairo_set_font_face(cr, face);
    cairo_set_font_size(cr, size);
    cairo_scaled_font_destroy(probe);
    cairo_font_face_destroy(face);
    cairo_font_options_destroy(options);
}

double text_width(cairo_t *cr, const char *clean)
{
    cairo_text_extents_t extents;
    cairo_text_extents(cr, clean, &extents);
    return extents.x_advance;
}

void text_height(cairo_t *cr, double *ascent, double *descent)
{
    cairo_text_extents_t extents;
    cairo_text_extents(cr, "Hgjq", &extents);
    *ascent = -extents.y_bearing;
    *descent = extents.height + extents.y_bearing;
}

void text_fit(cairo_t *cr, char clean[TEXT_BYTES], double width)
{
    if (text_width(cr, clean) <= width) return;
    static const char dots[] = "...";
    char candidate[TEXT_BYTES + sizeof dots];
    size_t kept = strlen(clean);
    while (kept > 0) {
        do kept--;
        while (kept > 0 && ((unsigned char)clean[kept] & 0xC0) == 0x80);
        if (kept == 0) break;
        memcpy(candidate, clean, kept);
        memcpy(candidate + kept, dots, sizeof dots);
        if (kept + sizeof dots <= TEXT_BYTES && text_width(cr, candidate) <= width) {
            memcpy(clean, candidate, kept + sizeof dots);
            return;
        }
    }
    clean[0] = 0;
}

void text_show(cairo_t *cr, double x, double baseline, enum text_align align, const char *clean)
{
    if (align == TEXT_CENTER) x -= text_width(cr, clean) / 2;
    if (align == TEXT_RIGHT) x -= text_width(cr, clean);
    cairo_move_to(cr, x, baseline);
    cairo_show_text(cr, clean);
}
