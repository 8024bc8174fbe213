// Colours that stay apart for colour-blind people too.
#ifndef TARN_DRAW_PALETTE_H
#define TARN_DRAW_PALETTE_H

#ifdef __cplusplus
extern "C" {
#endif

struct color {
    double r, g, b; // sRGB, 0 to 1
};

// For boxes and tags on photographs: bright; distinct for the first classes, different for any.
struct color palette_class(int index);

// For lines on white: Okabe and Ito's set (2008), darkened where it is too pale; repeats after
// PALETTE_LINES.
enum { PALETTE_LINES = 7 };
struct color palette_line(int index);

// Black or white, whichever reads better on the colour (WCAG 2 contrast).
struct color palette_ink(struct color background);

#ifdef __cplusplus
}
#endif
#endif
