#include "coco/float_image.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

enum { C = FLOAT_IMAGE_CHANNELS };

enum status float_image_create(int width, int height, struct float_image *image)
{
    float *rgb = (float *)mem_alloc((size_t)width * (size_t)height, C * sizeof(float));
    if (!rgb) return ERR_MEMORY;
    *image = (struct float_image){width, height, rgb};
    return OK;
}

void float_image_free(struct float_image *image)
{
    mem_free(image->rgb);
    image->rgb = NULL;
}

enum status float_image_from(const struct image *image, int width, int height,
                             struct float_image *out)
{
    struct float_image made;
    TRY(float_image_create(width, height, &made));
    size_t row = (size_t)width * C;
    for (size_t y = 0; y < (size_t)height; y++) {
        const uint8_t *from = image->rgb + y * (size_t)image->width * C;
        for (size_t i = 0; i < row; i++) made.rgb[y * row + i] = (float)from[i] / 255.0f;
    }
    *out = made;
    return OK;
}

enum status float_image_to(const struct float_image *image, struct image *out)
{
    size_t n = (size_t)image->width * (size_t)image->height * C;
    struct image made = {image->width, image->height, (uint8_t *)mem_alloc(n, 1)};
    if (!made.rgb) return ERR_MEMORY;
    for (size_t i = 0; i < n; i++)
        made.rgb[i] = (uint8_t)lrintf(255.0f * fminf(fmaxf(image->rgb[i], 0.0f), 1.0f));
    *out = made;
    return OK;
}

// Taps of one output position of a separable filter: weight[i] for inputs first, first + 1, ...
struct taps {
    int first, n;
    float weight[4];
};

static void bilinear_taps(int at, int k, int n_in, struct taps *taps)
{
    double position = (at + 0.5) / k - 0.5;
    if (position < 0.0) position = 0.0;
    int first = (int)position;
    if (first > n_in - 1) first = n_in - 1;
    double share = position - first;
    taps->first = first;
    taps->n = first + 1 < n_in ? 2 : 1;
    taps->weight[0] = taps->n == 2 ? (float)(1.0 - share) : 1.0f;
    taps->weight[1] = (float)share;
}

enum status float_image_up_nearest(const struct float_image *image, int k, struct float_image *out)
{
    struct float_image made;
    TRY(float_image_create(image->width * k, image->height * k, &made));
    for (int y = 0; y < made.height; y++) {
        const float *from = image->rgb + (size_t)(y / k) * (size_t)image->width * C;
        float *to = made.rgb + (size_t)y * (size_t)made.width * C;
        for (int x = 0; x < made.width; x++)
            memcpy(to + (size_t)x * C, from + (size_t)(x / k) * C, C * sizeof *to);
    }
    *out = made;
    return OK;
}

enum status float_image_up_bilinear(const struct float_image *image, int k, struct float_image *out)
{
    struct float_image made;
    TRY(float_image_create(image->width * k, image->height * k, &made));
    size_t row = (size_t)image->width * C;
    for (int y = 0; y < made.height; y++) {
        struct taps v, h;
        bilinear_taps(y, k, image->height, &v);
        const float *top = image->rgb + (size_t)v.first * row;
        const float *bottom = v.n == 2 ? top + row : top;
        float *to = made.rgb + (size_t)y * (size_t)made.width * C;
        for (int x = 0; x < made.width; x++) {
            bilinear_taps(x, k, image->width, &h);
            size_t left = (size_t)h.first * C, right = h.n == 2 ? left + C : left;
            for (size_t c = 0; c < C; c++) {
                float a = top[left + c] + (top[right + c] - top[left + c]) * h.weight[1];
                float b = bottom[left + c] + (bottom[right + c] - bottom[left + c]) * h.weight[1];
                to[(size_t)x * C + c] = a + (b - a) * v.weight[1];
            }
        }
    }
    *out = made;
    return OK;
}

static double cubic(double x)
{
    x = fabs(x);
    if (x < 1.0) return (1.5 * x - 2.5) * x * x + 1.0;
    return x < 2.0 ? ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0 : 0.0;
}

// One axis: n_out positions of `stride` floats each, for lines of n_in of them.
static void down_line(const float *from, float *to, int n_in, int k, size_t stride, size_t width)
{
    for (int at = 0; at < n_in / k; at++) {
        double centre = (at + 0.5) * k, sum = 0.0;
        int first = (int)ceil(centre - 2.0 * k - 0.5), last = (int)floor(centre + 2.0 * k - 0.5);
        first = first < 0 ? 0 : first;
        last = last > n_in - 1 ? n_in - 1 : last;
        for (int i = first; i <= last; i++) sum += cubic((i + 0.5 - centre) / k);
        float *out = to + (size_t)at * stride;
        memset(out, 0, width * sizeof *out);
        for (int i = first; i <= last; i++) {
            float weight = (float)(cubic((i + 0.5 - centre) / k) / sum);
            const float *in = from + (size_t)i * stride;
            for (size_t j = 0; j < width; j++) out[j] += weight * in[j];
        }
    }
}

enum status float_image_down_cubic(const struct float_image *image, int k, struct float_image *out)
{
    struct float_image low, made;
    TRY(float_image_create(image->width, image->height / k, &low));
    enum status status = float_image_create(image->width / k, image->height / k, &made);
    if (status == OK) {
        size_t row = (size_t)image->width * C, out_row = (size_t)made.width * C;
        down_line(image->rgb, low.rgb, image->height, k, row, row);
        for (size_t y = 0; y < (size_t)low.height; y++)
            down_line(low.rgb + y * row, made.rgb + y * out_row, image->width, k, C, C);
        *out = made;
    }
    float_image_free(&low);
    return status;
}
