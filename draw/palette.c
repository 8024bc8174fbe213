#include "draw/palette.h"

#include <math.h>
#include <stddef.h>

static struct color from_hex(unsigned rgb)
{
    return (struct color){(double)(rgb >> 16 & 255) / 255.0, (double)(rgb >> 8 & 255) / 255.0,
                          (double)(rgb & 255) / 255.0};
}

static double gamma_encode(double linear)
{
    return linear <= 0.0031308 ? 12.92 * linear : 1.055 * pow(linear, 1.0 / 2.4) - 0.055;
}

static double gamma_decode(double coded)
{
    return coded <= 0.04045 ? coded / 12.92 : pow((coded + 0.055) / 1.055, 2.4);
}

// OKLCH to sRGB (B. Ottosson, "A perceptual color space for image processing", 2020).
static struct color from_oklch(double lightness, double chroma, double hue)
{
    for (;; chroma *= 0.9) { // less chroma until the colour exists in sRGB
        double a = chroma * cos(hue), b = chroma * sin(hue);
        double l = lightness + 0.3963377774 * a + 0.2158037573 * b;
        double m = lightness - 0.1055613458 * a - 0.0638541728 * b;
        double s = lightness - 0.0894841775 * a - 1.2914855480 * b;
        l = l * l * l, m = m * m * m, s = s * s * s;
        double red = 4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s;
        double green = -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s;
        double blue = -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s;
        double low = fmin(red, fmin(green, blue)), high = fmax(red, fmax(green, blue));
        if ((low >= 0 && high <= 1) || chroma < 1e-3)
            return (struct color){gamma_encode(fmin(fmax(red, 0), 1)),
                                  gamma_encode(fmin(fmax(green, 0), 1)),
                                  gamma_encode(fmin(fmax(blue, 0), 1))};
    }
}

struct color palette_class(int index)
{
    static const unsigned first[] = {0xFF7A1A, 0x35B8FF, 0xFFE13A, 0x12C99B,
                                     0xFF8FD0, 0x8161FF, 0xF2384A, 0xB7F04A};
    size_t i = index < 0 ? 0 : (size_t)index, n_first = sizeof first / sizeof *first;
    if (i < n_first) return from_hex(first[i]);
    // Hues a golden angle apart never meet again; lightness varies for those who see few hues.
    static const double lightness[] = {0.78, 0.64, 0.88, 0.71};
    return from_oklch(lightness[i % 4], 0.19,
                      fmod((double)i * 2.399963229728653, 6.283185307179586));
}

struct color palette_line(int index)
{
    static const unsigned colors[PALETTE_LINES] = {0x0072B2, 0xD55E00, 0x009E73, 0xC4609A,
                                                   0xD99000, 0x42A5DD, 0x404040};
    return from_hex(colors[index < 0 ? 0 : index % PALETTE_LINES]);
}

struct color palette_ink(struct color c)
{
    double luminance =
        0.2126 * gamma_decode(c.r) + 0.7152 * gamma_decode(c.g) + 0.0722 * gamma_decode(c.b);
    // Contrast is (L1 + 0.05) / (L2 + 0.05): black wins from L = sqrt(1.05 * 0.05) - 0.05 on.
    double v = luminance > 0.1791 ? 0.0 : 1.0;
    return (struct color){v, v, v};
}
