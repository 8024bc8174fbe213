#include "coco/color.h"

#include <math.h>

void color_draw(const double strength[N_COLOR], struct rng *rng, struct color_change *change)
{
    int order[N_COLOR];
    for (int i = 0; i < N_COLOR; i++) order[i] = i;
    for (uint32_t i = N_COLOR; i > 1; i--) {
        uint32_t other = rng_below(rng, i);
        int swap = order[i - 1];
        order[i - 1] = order[other];
        order[other] = swap;
    }
    *change = (struct color_change){0};
    for (int i = 0; i < N_COLOR; i++) {
        int property = order[i];
        double s = strength[property], u = rng_double(rng);
        if (s <= 0) continue;
        double low = property == COLOR_HUE ? -s : fmax(0, 1 - s);
        double high = property == COLOR_HUE ? s : 1 + s;
        change->property[change->n] = (enum color_property)property;
        change->amount[change->n++] = low + u * (high - low);
    }
}

static uint8_t cut(float value)
{
    return (uint8_t)(value < 0.0f ? 0.0f : value > 255.0f ? 255.0f : value);
}

static uint8_t grey_of(const uint8_t *rgb)
{
    return (uint8_t)(0.2989f * (float)rgb[0] + 0.587f * (float)rgb[1] + 0.114f * (float)rgb[2]);
}

static float mean_grey(const struct image *image, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) sum += grey_of(image->rgb + 3 * i);
    return (float)((double)sum / (double)n);
}

// factor of the image, the rest of `other`.
static void mix(uint8_t *rgb, float factor, float other)
{
    for (int c = 0; c < 3; c++) rgb[c] = cut(factor * (float)rgb[c] + (1.0f - factor) * other);
}

static float turn_of(float r, float g, float b, float most, float range)
{
    float rc = (most - r) / range, gc = (most - g) / range, bc = (most - b) / range;
    float h = most == r ? bc - gc : most == g ? 2.0f + rc - bc : 4.0f + gc - rc;
    return fmodf(h / 6.0f + 1.0f, 1.0f);
}

static void turn_hue(uint8_t *rgb, float angle)
{
    float r = (float)rgb[0] / 255.0f, g = (float)rgb[1] / 255.0f, b = (float)rgb[2] / 255.0f;
    float v = fmaxf(r, fmaxf(g, b)), least = fminf(r, fminf(g, b));
    float s = 0, h = 0;
    if (v != least) {
        s = (v - least) / v;
        h = turn_of(r, g, b, v, v - least);
    }
    h += angle;
    h -= floorf(h);
    float sixth = floorf(h * 6.0f), f = h * 6.0f - sixth;
    float p = v * (1.0f - s), q = v * (1.0f - s * f), t = v * (1.0f - s * (1.0f - f));
    const float all[6][3] = {{v, t, p}, {q, v, p}, {p, v, t}, {p, q, v}, {t, p, v}, {v, p, q}};
    const float *chosen = all[(int)sixth % 6];
    for (int c = 0; c < 3; c++) rgb[c] = (uint8_t)(fmaxf(chosen[c], 0.0f) * 255.999f);
}

void color_apply(const struct color_change *change, struct image *image)
{
    size_t n = (size_t)image->width * (size_t)image->height;
    for (int i = 0; i < change->n; i++) {
        float amount = (float)change->amount[i];
        float mean = change->property[i] == COLOR_CONTRAST ? mean_grey(image, n) : 0.0f;
        for (size_t k = 0; k < n; k++) {
            uint8_t *rgb = image->rgb + 3 * k;
            switch (change->property[i]) {
            case COLOR_BRIGHTNESS:
            case COLOR_CONTRAST:
                mix(rgb, amount, mean);
                break;
            case COLOR_SATURATION:
                mix(rgb, amount, (float)grey_of(rgb));
                break;
            default:
                turn_hue(rgb, amount);
            }
        }
    }
}
