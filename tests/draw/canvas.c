// Boxes and tags on images.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../scratch.h"
#include "base/mem.h"
#include "draw/canvas.h"
#include "draw/palette.h"

static struct image grey_image(int width, int height)
{
    struct image image = {width, height, mem_alloc((size_t)width * (size_t)height, 3)};
    cr_assert(image.rgb != NULL);
    memset(image.rgb, 128, (size_t)width * (size_t)height * 3);
    return image;
}

static size_t n_bytes(const struct image *image)
{
    return (size_t)image->width * (size_t)image->height * 3;
}

static struct image draw(const struct image *image, const struct canvas_object *objects, size_t n)
{
    struct image out;
    cr_assert_eq(canvas_draw(image, objects, n, &out), OK, "%s", fail_message());
    cr_assert_eq(out.width, image->width);
    cr_assert_eq(out.height, image->height);
    return out;
}

static size_t n_changed(const struct image *image)
{
    size_t n = 0;
    for (size_t i = 0; i < n_bytes(image); i += 3)
        n += image->rgb[i] != 128 || image->rgb[i + 1] != 128 || image->rgb[i + 2] != 128;
    return n;
}

// Pixels of a class's colour.
static size_t n_colored(const struct image *image, int class_index)
{
    struct color c = palette_class(class_index);
    int rgb[3] = {(int)lround(c.r * 255), (int)lround(c.g * 255), (int)lround(c.b * 255)};
    size_t n = 0;
    for (size_t i = 0; i < n_bytes(image); i += 3)
        n += abs(image->rgb[i] - rgb[0]) <= 1 && abs(image->rgb[i + 1] - rgb[1]) <= 1 &&
             abs(image->rgb[i + 2] - rgb[2]) <= 1;
    return n;
}

Test(draw_canvas, nothing_is_a_copy)
{
    struct image image = grey_image(31, 17);
    struct image out = draw(&image, NULL, 0);
    cr_expect(memcmp(image.rgb, out.rgb, n_bytes(&image)) == 0);
    cr_expect(image.rgb != out.rgb);
    image_free(&out);
    image_free(&image);
}

Test(draw_canvas, colors_survive)
{
    struct image image = grey_image(256, 3);
    for (size_t i = 0; i < n_bytes(&image); i++) image.rgb[i] = (uint8_t)(i * 7 + i / 256);
    struct image out = draw(&image, NULL, 0);
    cr_expect(memcmp(image.rgb, out.rgb, n_bytes(&image)) == 0);
    image_free(&out);
    image_free(&image);
}

Test(draw_canvas, two_runs_are_equal)
{
    struct canvas_object objects[2] = {{{20, 30, 200, 150}, 0.875, 0, "person"},
                                       {{90, 60, 310, 220}, 0.5, 1, "dog"}};
    struct image image = grey_image(320, 240);
    struct image a = draw(&image, objects, 2), b = draw(&image, objects, 2);
    cr_expect(memcmp(a.rgb, b.rgb, n_bytes(&a)) == 0);
    cr_expect_eq(n_changed(&image), 0, "the source was painted on");
    cr_expect_gt(n_colored(&a, 0), 300);
    cr_expect_gt(n_colored(&a, 1), 300);
    image_free(&a);
    image_free(&b);
    image_free(&image);
}

// The frame lies where the box is: on its border, not beside it.
Test(draw_canvas, frame_position)
{
    struct canvas_object object = {{50, 60, 151, 171}, NAN, 3, NULL};
    struct image image = grey_image(200, 200);
    struct image out = draw(&image, &object, 1);
    int left = 200, right = -1, top = 200, bottom = -1;
    for (int y = 0; y < 200; y++)
        for (int x = 0; x < 200; x++)
            if (out.rgb[((size_t)y * 200 + (size_t)x) * 3] != 128) {
                left = x < left ? x : left, right = x > right ? x : right;
                top = y < top ? y : top, bottom = y > bottom ? y : bottom;
            }
    cr_expect(left >= 48 && left <= 50 && right >= 150 && right <= 152, "%d %d", left, right);
    cr_expect(top >= 58 && top <= 60 && bottom >= 170 && bottom <= 172, "%d %d", top, bottom);
    cr_expect_eq(out.rgb[(100 * 200 + 100) * 3], 128, "the inside was painted");
    image_free(&out);
    image_free(&image);
}

// Tags of boxes at every border and corner are complete: as many tag pixels as in the middle.
Test(draw_canvas, tags_stay_inside)
{
    static const int sizes[][2] = {{200, 150}, {640, 480}, {1000, 300}, {90, 300}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        struct image image = grey_image(sizes[s][0], sizes[s][1]);
        double w = sizes[s][0], h = sizes[s][1];
        double spots[9][2] = {{w / 2, h / 2}, {0, 0},         {w - 3, 0},
                              {0, h - 3},     {w - 3, h - 3}, {w / 2, 0},
                              {0, h / 2},     {w - 3, h / 2}, {w / 2, h - 3}};
        size_t least = 0;
        for (int i = 0; i < 9; i++) {
            double x = spots[i][0], y = spots[i][1];
            struct canvas_object object = {{x, y, x + 3, y + 3}, 0.5, 2, "ab"};
            struct image out = draw(&image, &object, 1);
            size_t n = n_colored(&out, 2);
            if (i == 0) least = n * 9 / 10;
            cr_expect_gt(n, least, "%g x %g, box at %g %g: %zu tag pixels", w, h, x, y, n);
            image_free(&out);
        }
        image_free(&image);
    }
}

// Two detections of one box: both tags can be read.
Test(draw_canvas, tags_avoid_each_other)
{
    struct canvas_object objects[2] = {{{100, 100, 200, 200}, 0.9, 0, "first"},
                                       {{100, 100, 200, 200}, 0.8, 1, "second"}};
    struct image image = grey_image(320, 300);
    struct image one = draw(&image, objects + 1, 1), both = draw(&image, objects, 2);
    // The frame below is covered by the other; the tag is most of what remains.
    cr_expect_gt(n_colored(&both, 1), n_colored(&one, 1) / 3);
    cr_expect_gt(n_colored(&both, 0), 400);
    image_free(&one);
    image_free(&both);
    image_free(&image);
}

Test(draw_canvas, hostile_boxes)
{
    static const double values[] = {NAN, INFINITY, -INFINITY, 1e308, -1e308, 1e9, -1, 0, 5, 40};
    enum { N = sizeof values / sizeof *values };
    struct image image = grey_image(40, 30);
    for (size_t i = 0; i < N * N; i++) {
        double a = values[i % N], b = values[i / N];
        struct canvas_object objects[2] = {{{a, b, 10, 10}, a, -5, "x"},
                                           {{1, 1, a, b}, b, 1 << 30, "y"}};
        struct image out = draw(&image, objects, 2);
        if (!isfinite(a)) {
            struct canvas_object bad = {{1, a, 10, 10}, 0.5, 0, "z"};
            struct image same = draw(&image, &bad, 1);
            cr_expect_eq(n_changed(&same), 0);
            image_free(&same);
        }
        image_free(&out);
    }
    struct canvas_object outside[] = {
        {{-10, -10, -1, -1}, 1, 0, "a"}, {{41, 3, 50, 9}, 1, 0, "b"}, {{9, 9, 5, 5}, 1, 0, "c"}};
    struct image out = draw(&image, outside, 3);
    cr_expect_eq(n_changed(&out), 0);
    image_free(&out);
    image_free(&image);
}

Test(draw_canvas, hostile_names)
{
    static char endless[100000];
    memset(endless, 'W', sizeof endless - 1);
    static const char *const names[] = {"",
                                        "\xFF\xFE",
                                        "caf\xC3",
                                        "Größe 猫 🙂",
                                        "\xED\xA0\x80",
                                        "a\nb\tc\x01d",
                                        "\xF4\x90\x80\x80",
                                        "%s%n",
                                        endless};
    struct image image = grey_image(120, 80);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct canvas_object object = {{30, 30, 60, 60}, 0.25, 0, names[i]};
        struct image out = draw(&image, &object, 1);
        cr_expect_gt(n_changed(&out), 50);
        image_free(&out);
    }
    image_free(&image);
}

Test(draw_canvas, any_size)
{
    static const int sizes[][2] = {{1, 1}, {1, 50}, {50, 1}, {9, 9}, {3000, 20}, {20, 3000}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct image image = grey_image(sizes[i][0], sizes[i][1]);
        struct canvas_object object = {{0, 0, sizes[i][0], sizes[i][1]}, 0.25, 0, "class name"};
        struct image out = draw(&image, &object, 1);
        cr_expect_gt(n_changed(&out), 0);
        image_free(&out);
        image_free(&image);
    }
    struct image wide = {40000, 1, mem_alloc(40000, 3)}, out;
    cr_expect_eq(canvas_draw(&wide, NULL, 0, &out), ERR_UNSUPPORTED);
    expect_message("40000 x 1");
    image_free(&wide);
}

Test(draw_canvas, many_objects)
{
    enum { N = 3000 };
    struct image image = grey_image(300, 200);
    struct canvas_object *objects = mem_alloc(N, sizeof *objects);
    for (int i = 0; i < N; i++)
        objects[i] = (struct canvas_object){
            {i % 280, i % 170, i % 280 + 20, i % 170 + 30}, (double)i / N, i % 90, "thing"};
    struct image out = draw(&image, objects, N);
    image_free(&out);
    mem_free(objects);
    image_free(&image);
}

Test(draw_canvas, saved_by_extension)
{
    static const char *const names[] = {"drawn.png", "drawn.JPG", "drawn.jpeg"};
    char path[PATH_BYTES];
    struct image image = grey_image(33, 21), read;
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(canvas_save(scratch_path(path, names[i]), &image), OK, "%s", fail_message());
        cr_assert_eq(image_load(path, EXIF_IGNORE, &read, NULL), OK, "%s", fail_message());
        cr_expect(read.width == 33 && read.height == 21);
        image_free(&read);
    }
    cr_expect_eq(canvas_save("drawn.gif", &image), ERR_USAGE);
    expect_message("drawn.gif");
    cr_expect_eq(canvas_save("/no/such/folder/a.png", &image), ERR_IO);
    image_free(&image);
}

Test(draw_canvas, memory_runs_out)
{
    struct image image = grey_image(64, 48), out;
    struct canvas_object object = {{5, 5, 40, 40}, 0.5, 0, "cat"};
    for (size_t nth = 1; nth <= 2; nth++) {
        mem_fail_at(nth, false);
        cr_expect_eq(canvas_draw(&image, &object, 1, &out), ERR_MEMORY);
    }
    mem_fail_at(0, false);
    image_free(&image);
}

// Neighbouring classes differ clearly; ink is readable on all of them.
Test(draw_palette, classes_differ)
{
    for (int i = 0; i < 90; i++)
        for (int j = i + 1; j < 90; j++) {
            struct color a = palette_class(i), b = palette_class(j);
            double far = fabs(a.r - b.r) + fabs(a.g - b.g) + fabs(a.b - b.b);
            cr_expect_gt(far, i < 8 && j < 8 ? 0.4 : 0.01, "%d and %d: %g", i, j, far);
        }
}

static double luminance(struct color c)
{
    double v[3] = {c.r, c.g, c.b}, sum = 0;
    static const double weights[3] = {0.2126, 0.7152, 0.0722};
    for (int i = 0; i < 3; i++)
        sum += weights[i] * (v[i] <= 0.04045 ? v[i] / 12.92 : pow((v[i] + 0.055) / 1.055, 2.4));
    return sum;
}

Test(draw_palette, ink_is_readable)
{
    for (int i = 0; i < 1000; i++) {
        struct color c = palette_class(i), ink = palette_ink(c);
        double light = fmax(luminance(c), luminance(ink)),
               dark = fmin(luminance(c), luminance(ink));
        cr_expect_gt((light + 0.05) / (dark + 0.05), 4.5, "class %d", i);
    }
}
