// Masks, styles and other sizes.
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "draw/canvas.h"
#include "draw/fit.h"
#include "draw/mask.h"

static struct image grey(int width, int height)
{
    struct image image = {width, height, mem_alloc((size_t)width * (size_t)height, 3)};
    cr_assert_not_null(image.rgb);
    memset(image.rgb, 100, (size_t)width * (size_t)height * 3);
    return image;
}

static const uint8_t *at(const struct image *image, int x, int y)
{
    return image->rgb + 3 * ((size_t)y * (size_t)image->width + (size_t)x);
}

// A square of 4 x 4 in a mask of 10 x 8, on a canvas twice that size and on one half of it.
Test(draw_mask, stretched)
{
    uint8_t bytes[8][10] = {{0}};
    struct rle mask = {0};
    for (int y = 2; y < 6; y++)
        for (int x = 4; x < 8; x++) bytes[y][x] = 1;
    cr_assert_eq(rle_encode(&bytes[0][0], 8, 10, &mask), OK);
    for (int size = 0; size < 2; size++) {
        int width = size ? 5 : 20, height = size ? 4 : 16;
        struct image image = grey(width, height), out;
        struct surface surface;
        cr_assert_eq(surface_from_image(&image, &surface), OK);
        cr_assert_eq(mask_paint(&surface, &mask, (struct color){1, 0, 0}, 1), OK);
        cr_assert_eq(surface_to_image(&surface, &out), OK);
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++) {
                bool is_inside = bytes[size ? 2 * y + 1 : y / 2][size ? 2 * x + 1 : x / 2];
                const uint8_t *p = at(&out, x, y);
                if (is_inside)
                    cr_expect(p[0] > 140 && p[1] < 80, "inside %d %d: %d %d", x, y, p[0], p[1]);
                else
                    cr_expect(p[0] == 100 && p[1] == 100, "outside %d %d", x, y);
            }
        if (!size) // the border is stronger than the inside
            cr_expect_gt(at(&out, 8, 8)[0], at(&out, 11, 8)[0] + 50);
        surface_free(&surface);
        image_free(&image);
        image_free(&out);
    }
    rle_free(&mask);
}

Test(draw_mask, empty_masks)
{
    struct rle none = {0}, background = {0};
    struct image image = grey(9, 9), out;
    struct surface surface;
    cr_assert_eq(rle_begin(&background, 3, 3), OK);
    cr_assert_eq(rle_append(&background, 9), OK);
    cr_assert_eq(surface_from_image(&image, &surface), OK);
    cr_assert_eq(mask_paint(&surface, &none, (struct color){1, 0, 0}, 1), OK);
    cr_assert_eq(mask_paint(&surface, &background, (struct color){1, 0, 0}, 3), OK);
    cr_assert_eq(surface_to_image(&surface, &out), OK);
    cr_expect(memcmp(image.rgb, out.rgb, 9 * 9 * 3) == 0);
    surface_free(&surface);
    rle_free(&background);
    image_free(&image);
    image_free(&out);
}

// The style's colour stands in place of the class's; dashes leave gaps.
Test(draw_mask, styles)
{
    struct image image = grey(200, 200), solid, dashed;
    struct canvas_object object = {{40, 40, 160, 160}, NAN, 0, NULL};
    struct canvas_style style = {.color = {0, 0, 1}};
    cr_assert_eq(canvas_draw_styled(&image, &object, &style, 1, &solid), OK);
    style.is_dashed = true;
    cr_assert_eq(canvas_draw_styled(&image, &object, &style, 1, &dashed), OK);
    int n_solid = 0, n_dashed = 0;
    for (int x = 50; x < 150; x++) {
        n_solid += at(&solid, x, 40)[2] > at(&solid, x, 40)[0] + 50;
        n_dashed += at(&dashed, x, 40)[2] > at(&dashed, x, 40)[0] + 50;
    }
    cr_expect_eq(n_solid, 100);
    cr_expect(n_dashed > 30 && n_dashed < 90, "%d", n_dashed);
    image_free(&image);
    image_free(&solid);
    image_free(&dashed);
}

Test(draw_fit, sizes)
{
    static const struct {
        int width, height, side;
        double enlargement;
        int expected_width, expected_height;
    } cases[] = {{400, 200, 100, 1, 100, 50},
                 {200, 400, 100, 1, 50, 100},
                 {40, 20, 100, 2, 80, 40},
                 {40, 20, 100, 1, 40, 20},
                 {4000, 1, 100, 1, 100, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct image image = grey(cases[i].width, cases[i].height), out;
        cr_assert_eq(image_fit(&image, cases[i].side, cases[i].enlargement, &out), OK);
        cr_expect_eq(out.width, cases[i].expected_width);
        cr_expect_eq(out.height, cases[i].expected_height);
        for (int x = 0; x < out.width; x++) // level up to its rim
            cr_expect(abs(at(&out, x, 0)[0] - 100) <= 1);
        image_free(&image);
        image_free(&out);
    }
}

// Shrinking takes the mean of what it covers.
Test(draw_fit, filtered)
{
    struct image image = grey(400, 400), out;
    for (int y = 0; y < 400; y++)
        for (int x = 0; x < 400; x++)
            memset(image.rgb + 3 * (y * 400 + x), (x + y) % 2 ? 200 : 0, 3);
    cr_assert_eq(image_fit(&image, 100, 1, &out), OK);
    for (int x = 5; x < 95; x++) cr_expect(abs(at(&out, x, 50)[0] - 100) < 20);
    image_free(&image);
    image_free(&out);
    struct image huge = {.width = 40000, .height = 1};
    cr_expect_eq(image_fit(&huge, 100, 1, &out), ERR_UNSUPPORTED);
}
