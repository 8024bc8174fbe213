// Short texts on cairo canvases: any bytes become drawable, and widths are kept.
#ifndef TARN_DRAW_TEXT_H
#define TARN_DRAW_TEXT_H

#include <cairo.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { TEXT_BYTES = 256 };

// A copy that cairo accepts: bytes that are not UTF-8 become '?', control characters a space;
// what exceeds the buffer is cut at a character. NULL becomes "".
void text_clean(const char *text, char out[TEXT_BYTES]);

// Chooses the font: the system's sans serif, or cairo's built-in one where no fonts are installed.
void text_font(cairo_t *cr, double size, bool is_bold);

double text_width(cairo_t *cr, const char *clean);

// From baseline to the top of capitals and to the bottom of letters like g, of the chosen font.
void text_height(cairo_t *cr, double *ascent, double *descent);

// Shortens a clean text at its end ("long na...") until it is at most `width` wide. "" when not
// even one letter fits.
void text_fit(cairo_t *cr, char clean[TEXT_BYTES], double width);

enum text_align { TEXT_LEFT, TEXT_CENTER, TEXT_RIGHT };
void text_show(cairo_t *cr, double x, double baseline, enum text_align align, const char *clean);

#ifdef __cplusplus
}
#endif
#endif
