#include "coco/image.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tests/scratch.h"

#define GOLDEN TARN_SOURCE_DIR "/tests/coco/golden/"

// A binary PPM of 8 bits, as tools/golden_images.py writes them.
static struct image read_ppm(const char *path)
{
    struct image image = {0, 0, NULL};
    char *bytes;
    size_t n_bytes;
    int header = 0;
    cr_assert_eq(file_read(path, 0, &bytes, &n_bytes), OK, "%s", fail_message());
    cr_assert_eq(sscanf(bytes, "P6 %d %d 255%n", &image.width, &image.height, &header), 2, "%s",
                 path);
    size_t n = 3 * (size_t)image.width * (size_t)image.height;
    cr_assert_eq(n_bytes, (size_t)header + 1 + n);
    image.rgb = (uint8_t *)mem_alloc(n, 1);
    memcpy(image.rgb, bytes + header + 1, n);
    mem_free(bytes);
    return image;
}

static int largest_difference(const struct image *a, const struct image *b)
{
    cr_assert_eq(a->width, b->width);
    cr_assert_eq(a->height, b->height);
    int largest = 0;
    for (size_t i = 0; i < 3 * (size_t)a->width * (size_t)a->height; i++) {
        int difference = abs((int)a->rgb[i] - (int)b->rgb[i]);
        if (difference > largest) largest = difference;
    }
    return largest;
}

static void expect_decoded(const char *name, const char *expected_name, enum exif_mode exif,
                           int tolerance)
{
    char path[PATH_BYTES], expected_path[PATH_BYTES];
    struct image image, expected;
    int orientation;
    snprintf(path, sizeof path, GOLDEN "%s", name);
    snprintf(expected_path, sizeof expected_path, GOLDEN "%s.ppm", expected_name);
    cr_assert_eq(image_load(path, exif, &image, &orientation), OK, "%s", fail_message());
    expected = read_ppm(expected_path);
    int difference = largest_difference(&image, &expected);
    cr_expect_leq(difference, tolerance, "%s: %d", name, difference);
    image_free(&image);
    image_free(&expected);
}

Test(image, decodes_as_pillow_does)
{
    static const char *const exact[][2] = {
        {"rgb.png", "rgb"},         {"grey8.png", "grey8"},   {"bits1.png", "bits1"},
        {"palette.png", "palette"}, {"alpha.png", "alpha"},   {"grey_alpha.png", "grey_alpha"},
        {"rgb16.png", "rgb16"},     {"grey16.png", "grey16"},
    };
    for (size_t i = 0; i < sizeof exact / sizeof *exact; i++)
        expect_decoded(exact[i][0], exact[i][1], EXIF_IGNORE, 0);
    // Two versions of libjpeg may round and upsample differently.
    static const char *const close[][2] = {{"rgb_444.jpg", "rgb_444"},
                                           {"rgb_420.jpg", "rgb_420"},
                                           {"progressive.jpg", "progressive"},
                                           {"grey.jpg", "grey"},
                                           {"cmyk.jpg", "cmyk"}};
    for (size_t i = 0; i < sizeof close / sizeof *close; i++)
        expect_decoded(close[i][0], close[i][1], EXIF_IGNORE, 2);
}

Test(image, applies_all_orientations)
{
    for (int i = 1; i <= 8; i++) {
        char file[32], expected[32];
        snprintf(file, sizeof file, "exif%d.jpg", i);
        snprintf(expected, sizeof expected, "exif%d", i);
        expect_decoded(file, expected, EXIF_APPLY, 2);
    }
    expect_decoded("exif6_png.png", "exif6_png", EXIF_APPLY, 0);
}

Test(image, tells_orientation_and_leaves_pixels_when_ignored)
{
    for (int i = 1; i <= 8; i++) {
        struct image image;
        char path[PATH_BYTES];
        int orientation = 0;
        snprintf(path, sizeof path, GOLDEN "exif%d.jpg", i);
        cr_assert_eq(image_load(path, EXIF_IGNORE, &image, &orientation), OK);
        cr_expect_eq(orientation, i);
        cr_expect_eq(image.width, 19);
        cr_expect_eq(image.height, 13);
        image_free(&image);
    }
}

static const char *const codecs[] = {"rgb_444.jpg", "progressive.jpg", "grey.jpg",
                                     "cmyk.jpg",    "exif6.jpg",       "rgb.png",
                                     "palette.png", "grey16.png",      "alpha.png"};

Test(image, truncation_at_every_byte_is_an_error)
{
    for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++) {
        char path[PATH_BYTES], *bytes;
        size_t n_bytes;
        snprintf(path, sizeof path, GOLDEN "%s", codecs[i]);
        cr_assert_eq(file_read(path, 0, &bytes, &n_bytes), OK);
        for (size_t n = 0; n < n_bytes; n++) {
            struct image image = {0, 0, NULL};
            // A block of just that size: the sanitizer sees what is read behind it.
            void *part = malloc(n ? n : 1);
            memcpy(part, bytes, n);
            enum status status = image_decode(part, n, "name.of.file", EXIF_APPLY, &image, NULL);
            cr_expect_eq(status, ERR_DATA, "%s: %zu of %zu bytes", codecs[i], n, n_bytes);
            cr_expect_null(image.rgb);
            if (status != OK) expect_message("name.of.file: ");
            image_free(&image);
            free(part);
        }
        mem_free(bytes);
    }
}

// Whatever a flipped byte does, memory stays sound and out-parameters stay untouched on errors.
Test(image, damage_at_every_byte_is_survived)
{
    for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++) {
        char path[PATH_BYTES], *bytes;
        size_t n_bytes;
        snprintf(path, sizeof path, GOLDEN "%s", codecs[i]);
        cr_assert_eq(file_read(path, 0, &bytes, &n_bytes), OK);
        for (size_t at = 0; at < n_bytes; at++) {
            struct image image = {0, 0, NULL};
            bytes[at] = (char)(bytes[at] ^ 0x55);
            if (image_decode(bytes, n_bytes, "x", EXIF_APPLY, &image, NULL) != OK)
                cr_expect_null(image.rgb);
            image_free(&image);
            bytes[at] = (char)(bytes[at] ^ 0x55);
        }
        mem_free(bytes);
    }
}

Test(image, refuses_what_is_no_image_and_absurd_sizes)
{
    char path[PATH_BYTES];
    struct image image;
    scratch_text(path, "no_image.jpg", "GIF89a");
    cr_expect_eq(image_load(path, EXIF_IGNORE, &image, NULL), ERR_DATA);
    expect_message("no_image.jpg: not a JPEG or PNG image");
    cr_expect_eq(image_load("/does/not/exist.jpg", EXIF_IGNORE, &image, NULL), ERR_IO);
    expect_message("/does/not/exist.jpg");
    char *bytes;
    size_t n;
    cr_assert_eq(file_read(GOLDEN "rgb_444.jpg", 0, &bytes, &n), OK);
    for (size_t i = 0; i + 9 < n; i++) {
        if ((unsigned char)bytes[i] != 0xFF || (unsigned char)bytes[i + 1] != 0xC0) continue;
        memset(bytes + i + 5, 0xFE, 4); // height and width of the frame header
        break;
    }
    cr_expect_eq(image_decode(bytes, n, "huge.jpg", EXIF_IGNORE, &image, NULL), ERR_DATA);
    expect_message("huge.jpg: 65278 x 65278 pixels, at most 2^28 are read");
    mem_free(bytes);
}

// Bytes between segments are common in the wild and harm no pixel.
Test(image, forgives_extraneous_bytes)
{
    char *bytes;
    size_t n;
    struct image image, expected = read_ppm(GOLDEN "rgb_444.ppm");
    cr_assert_eq(file_read(GOLDEN "rgb_444.jpg", 0, &bytes, &n), OK);
    bytes = (char *)mem_resize(bytes, n + 3, 1);
    memmove(bytes + n + 1, bytes + n - 2, 2); // EOI
    memset(bytes + n - 2, 0, 3);
    cr_assert_eq(image_decode(bytes, n + 3, "x.jpg", EXIF_IGNORE, &image, NULL), OK, "%s",
                 fail_message());
    cr_expect_leq(largest_difference(&image, &expected), 2);
    image_free(&image);
    image_free(&expected);
    mem_free(bytes);
}

Test(image, saved_files_come_back)
{
    char path[PATH_BYTES];
    struct image image = read_ppm(GOLDEN "rgb.ppm"), again;
    cr_assert_eq(image_save_png(scratch_path(path, "saved.png"), &image), OK, "%s", fail_message());
    cr_assert_eq(image_load(path, EXIF_IGNORE, &again, NULL), OK);
    cr_expect_eq(largest_difference(&image, &again), 0);
    image_free(&again);
    for (int quality = 50; quality <= 100; quality += 25) {
        cr_assert_eq(image_save_jpeg(scratch_path(path, "saved.jpg"), &image, quality), OK);
        cr_assert_eq(image_load(path, EXIF_IGNORE, &again, NULL), OK);
        cr_expect_leq(largest_difference(&image, &again), quality == 100 ? 4 : 60);
        image_free(&again);
    }
    cr_expect_eq(image_save_png("/does/not/exist/a.png", &image), ERR_IO);
    cr_expect_eq(image_save_jpeg("/does/not/exist/a.jpg", &image, 90), ERR_IO);
    expect_message("/does/not/exist/a.jpg");
    image_free(&image);
}

Test(image, every_allocation_may_fail)
{
    static const char *const files[] = {"cmyk.jpg", "exif6.jpg", "palette.png"};
    for (size_t i = 0; i < 3; i++) {
        char path[PATH_BYTES];
        enum status status = ERR_MEMORY;
        snprintf(path, sizeof path, GOLDEN "%s", files[i]);
        for (size_t nth = 1; status != OK; nth++) {
            struct image image = {0, 0, NULL};
            mem_fail_at(nth, false);
            status = image_load(path, EXIF_APPLY, &image, NULL);
            mem_fail_at(0, false);
            cr_assert(status == OK || (status == ERR_MEMORY && !image.rgb), "%s %zu: %s", path, nth,
                      fail_message());
            image_free(&image);
            cr_assert_lt(nth, 200u);
        }
    }
}

struct target {
    int width, height, new_width, new_height;
};

// Sizes from the specification of torchvision's transform: 800 / 1333.
Test(image, resize_target_truncates_in_double)
{
    static const struct target cases[] = {
        {640, 480, 1066, 800}, {480, 640, 800, 1066},  {640, 426, 1201, 800},
        {500, 333, 1201, 800}, {1333, 800, 1333, 800}, {4000, 1000, 1333, 333},
        {97, 97, 799, 799},    {161, 322, 666, 1333},  {1, 100000, 1, 1333},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int width, height;
        resize_target(cases[i].width, cases[i].height, 800, 1333, &width, &height);
        cr_expect_eq(width, cases[i].new_width, "%zu: %d", i, width);
        cr_expect_eq(height, cases[i].new_height, "%zu: %d", i, height);
    }
}
