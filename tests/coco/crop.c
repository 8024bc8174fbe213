// What a classifier sees of an image: torchvision's rules.
#include "coco/crop.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tests/scratch.h"

static const struct crop_config usual = {
    .size = 8, .resize = 10, .scale_min = 0.08, .scale_max = 1, .ratio = 4.0 / 3};

static struct rng start(uint32_t step)
{
    struct rng rng;
    rng_start(&rng, 7, RNG_TEST, step);
    return rng;
}

// Means of 60000 calls of torchvision 0.29's RandomResizedCrop.get_params on 300 x 200 pixels with
// its default scale and ratio. Tolerances are about four standard errors of both.
Test(crop, is_drawn_as_torchvision_draws_it)
{
    enum { N = 60000 };
    const struct crop whole = {0, 0, 300, 200};
    double width = 0, height = 0, left = 0, top = 0, area = 0, squares = 0;
    struct rng rng = start(1);
    for (int i = 0; i < N; i++) {
        struct crop c;
        crop_draw(&usual, &whole, &rng, &c);
        cr_assert(c.left >= 0 && c.top >= 0 && c.width > 0 && c.height > 0);
        cr_assert(c.left + c.width <= 300 && c.top + c.height <= 200);
        double part = (double)c.width * c.height / (300 * 200);
        width += c.width;
        height += c.height;
        left += c.left;
        top += c.top;
        area += part;
        squares += part * part;
    }
    area /= N;
    cr_expect_float_eq(width / N, 151.544, 1.2);
    cr_expect_float_eq(height / N, 145.364, 1.2);
    cr_expect_float_eq(left / N, 74.261, 1.4);
    cr_expect_float_eq(top / N, 27.225, 0.7);
    cr_expect_float_eq(area, 0.39016, 0.005);
    cr_expect_float_eq(sqrt(squares / N - area * area), 0.19071, 0.004);
}

// get_params: w = round(sqrt(area * ratio)), h = round(sqrt(area / ratio)), in 3/4 to 4/3.
Test(crop, keeps_to_scale_and_ratio)
{
    struct crop_config config = usual;
    const struct crop whole = {40, 30, 400, 400};
    config.scale_min = 0.2;
    config.scale_max = 0.4;
    struct rng rng = start(2);
    for (int i = 0; i < 2000; i++) {
        struct crop c;
        crop_draw(&config, &whole, &rng, &c);
        double w = c.width, h = c.height;
        cr_assert((w + 0.5) * (h + 0.5) >= 0.2 * 160000 && (w - 0.5) * (h - 0.5) <= 0.4 * 160000);
        cr_assert((w + 0.5) / (h - 0.5) >= 0.75 && (w - 0.5) / (h + 0.5) <= 4.0 / 3);
        cr_assert(c.left >= 40 && c.left + c.width <= 440);
        cr_assert(c.top >= 30 && c.top + c.height <= 430);
    }
}

// Ten draws of the whole area cannot fit a long image: get_params then returns the centre, e.g.
// (0, 493, 10, 13) of 1000 x 10 and (195, 0, 9, 7) of 7 x 400.
Test(crop, falls_back_to_the_centre)
{
    static const struct crop from[] = {{0, 0, 1000, 10}, {5, 6, 7, 400}};
    static const struct crop want[] = {{493, 0, 13, 10}, {5, 6 + 195, 7, 9}};
    struct crop_config config = usual;
    config.scale_min = 1;
    for (int i = 0; i < 2; i++) {
        struct rng rng = start(3);
        struct crop c;
        crop_draw(&config, &from[i], &rng, &c);
        cr_expect(c.left == want[i].left && c.top == want[i].top && c.width == want[i].width &&
                      c.height == want[i].height,
                  "%d: %d %d %d %d", i, c.left, c.top, c.width, c.height);
    }
}

Test(crop, boxes_grow_and_stay_inside)
{
    static const struct {
        float box[4];
        double margin;
        struct crop want;
    } cases[] = {
        {{10, 20, 30, 60}, 0, {10, 20, 20, 40}},
        {{10, 20, 30, 60}, 0.1, {8, 16, 24, 48}},
        {{0, 0, 100, 80}, 0.5, {0, 0, 100, 80}},         // nothing beyond the image
        {{10.25f, 20.5f, 11.5f, 21}, 0, {10, 20, 2, 1}}, // whole pixels that hold the box
        {{99.5f, 79.75f, 100, 80}, 0, {99, 79, 1, 1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct crop c;
        crop_of_box(cases[i].box, cases[i].margin, 100, 80, &c);
        cr_expect(memcmp(&c, &cases[i].want, sizeof c) == 0, "%zu: %d %d %d %d", i, c.left, c.top,
                  c.width, c.height);
    }
}

Test(crop, reduction_leaves_enough_pixels)
{
    static const int cases[][4] = {
        {223, 500, 224, 1}, {448, 447, 224, 1}, {448, 900, 224, 2}, {1791, 1791, 224, 4},
        {1792, 1800, 224, 8}, {9000, 9000, 224, 8},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct crop c = {0, 0, cases[i][0], cases[i][1]};
        cr_expect_eq(crop_reduction(&c, cases[i][2]), cases[i][3], "%zu", i);
    }
}

static struct image make_image(int width, int height)
{
    struct image image = {width, height, mem_alloc((size_t)width * (size_t)height, 3)};
    cr_assert_not_null(image.rgb);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            uint8_t *p = image.rgb + 3 * ((size_t)y * (size_t)width + (size_t)x);
            p[0] = (uint8_t)x;
            p[1] = (uint8_t)y;
            p[2] = 77;
        }
    return image;
}

static void expect_pixel(const struct image *image, int x, int y, int red, int green)
{
    const uint8_t *p = image->rgb + 3 * ((size_t)y * (size_t)image->width + (size_t)x);
    cr_expect(p[0] == red && p[1] == green && p[2] == 77, "(%d, %d): %d %d %d", x, y, p[0], p[1],
              p[2]);
}

Test(crop, cuts_mirrors_and_takes_the_centre)
{
    struct image image = make_image(30, 20), out;
    const struct crop part = {5, 7, 8, 8};
    cr_assert_eq(crop_resized(&image, &part, 8, false, &out), OK, "%s", fail_message());
    cr_assert(out.width == 8 && out.height == 8);
    expect_pixel(&out, 0, 0, 5, 7);
    expect_pixel(&out, 7, 6, 12, 13);
    image_free(&out);
    cr_assert_eq(crop_resized(&image, &part, 8, true, &out), OK, "%s", fail_message());
    expect_pixel(&out, 0, 0, 12, 7);
    image_free(&out);
    // Resize(20) changes nothing, CenterCrop(8) begins at round((30 - 8) / 2), round((20 - 8) / 2).
    struct crop_config config = usual;
    config.resize = 20;
    const struct crop whole = {0, 0, 30, 20};
    cr_assert_eq(crop_center(&config, &image, &whole, &out), OK, "%s", fail_message());
    cr_assert(out.width == 8 && out.height == 8);
    expect_pixel(&out, 0, 0, 11, 6);
    image_free(&out);
    // What is around a part takes no part in its resizing: all of it is one colour.
    memset(image.rgb, 0, 3 * 30 * 20);
    for (int y = 7; y < 15; y++) memset(image.rgb + 3 * (y * 30 + 5), 200, 3 * 8);
    config.resize = 12;
    cr_assert_eq(crop_center(&config, &image, &part, &out), OK, "%s", fail_message());
    for (size_t i = 0; i < 3 * 8 * 8; i++) cr_assert_eq(out.rgb[i], 200);
    image_free(&out);
    image_free(&image);
}

// libjpeg-turbo's DCT scaling: sides rounded up, pixels near the means of the full picture's.
Test(crop, jpegs_decode_at_reduced_scale)
{
    enum { WIDTH = 83, HEIGHT = 61 };
    struct image image = make_image(WIDTH, HEIGHT);
    uint8_t *bytes = NULL;
    size_t n = 0;
    cr_assert_eq(image_encode_jpeg(&image, 95, &bytes, &n), OK, "%s", fail_message());
    for (int reduction = 1; reduction <= 8; reduction *= 2) {
        struct image small;
        int orientation;
        cr_assert_eq(image_decode_reduced(bytes, n, "x.jpg", EXIF_IGNORE, reduction, &small,
                                          &orientation),
                     OK, "%s", fail_message());
        cr_expect_eq(small.width, (WIDTH + reduction - 1) / reduction);
        cr_expect_eq(small.height, (HEIGHT + reduction - 1) / reduction);
        // Of a ramp the mean of a block is its middle; the borders repeat pixels.
        for (int y = 0; y < HEIGHT / reduction - 1; y++)
            for (int x = 0; x < WIDTH / reduction - 1; x++) {
                const uint8_t *p = small.rgb + 3 * (y * small.width + x);
                double middle = (reduction - 1) / 2.0;
                cr_assert_float_eq(p[0], x * reduction + middle, 4, "1/%d (%d, %d)", reduction, x,
                                   y);
                cr_assert_float_eq(p[1], y * reduction + middle, 4, "1/%d (%d, %d)", reduction, x,
                                   y);
            }
        image_free(&small);
    }
    struct image none;
    cr_expect_neq(image_decode_reduced(bytes, n / 8, "x.jpg", EXIF_IGNORE, 4, &none, NULL), OK);
    expect_message("x.jpg");
    mem_free(bytes);
    image_free(&image);
}
