#include "coco/float_image.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define GOLDEN TARN_SOURCE_DIR "/tests/coco/golden/similarity.txt"

// The picture of tools/golden_similarity.py.
static struct float_image picture(int width, int height, int shift)
{
    struct float_image image;
    cr_assert_eq(float_image_create(width, height, &image), OK);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 3; c++) {
                int u = (x + shift) / 3, v = (y + shift) / 3;
                image.rgb[(y * width + x) * 3 + c] =
                    (float)((37 * u + 101 * v + 59 * c + 7 * u * v) % 256) / 255.0f;
            }
    return image;
}

static void check_measures(int width, int height, double level, double ssim, double psnr)
{
    struct float_image a = picture(width, height, 0), b = picture(width, height, 1);
    for (int i = 0; i < width * height * 3; i++) b.rgb[i] = a.rgb[i] + (float)level * b.rgb[i];
    double got;
    cr_assert_eq(float_image_ssim(&a, &b, &got), OK, "%s", fail_message());
    cr_expect_float_eq(got, ssim, 1e-6, "%dx%d: SSIM is %.9g, not %.9g", width, height, got, ssim);
    got = float_image_psnr(&a, &b);
    cr_expect(got == psnr || fabs(got - psnr) < 1e-6, "%dx%d: PSNR is %.9g, not %.9g", width,
              height, got, psnr);
    float_image_free(&a);
    float_image_free(&b);
}

static void check_resampling(FILE *file, const char *kind, int k, int width, int height)
{
    struct float_image image = picture(width, height, 0), out;
    enum status (*resample)(const struct float_image *, int, struct float_image *) =
        strcmp(kind, "nearest") == 0    ? float_image_up_nearest
        : strcmp(kind, "bilinear") == 0 ? float_image_up_bilinear
                                        : float_image_down_cubic;
    cr_assert_eq(resample(&image, k, &out), OK);
    cr_expect_eq(out.width, strcmp(kind, "cubic") == 0 ? width / k : width * k);
    for (int i = 0; i < out.width * out.height * 3; i++) {
        double wanted;
        cr_assert_eq(fscanf(file, "%lf", &wanted), 1);
        cr_assert_float_eq((double)out.rgb[i], wanted, 1e-6, "%s %d: value %d is %.9g, not %.9g",
                           kind, k, i, (double)out.rgb[i], wanted);
    }
    float_image_free(&image);
    float_image_free(&out);
}

Test(float_image, equals_scikit_image_and_torch)
{
    FILE *file = fopen(GOLDEN, "r");
    char word[32], kind[32];
    int n_measures = 0, n_resampled = 0, k, width, height;
    double level, ssim, psnr;
    cr_assert_not_null(file);
    cr_assert_eq(fscanf(file, "%*[^\n]"), 0); // versions
    while (fscanf(file, "%31s", word) == 1)
        if (strcmp(word, "measure") == 0) {
            cr_assert_eq(fscanf(file, "%d %d %lf %lf %lf", &width, &height, &level, &ssim, &psnr),
                         5);
            check_measures(width, height, level, ssim, psnr);
            n_measures++;
        } else {
            cr_assert_str_eq(word, "resample");
            cr_assert_eq(fscanf(file, "%31s %d %d %d", kind, &k, &width, &height), 4);
            check_resampling(file, kind, k, width, height);
            n_resampled++;
        }
    cr_expect_eq(n_measures, 5);
    cr_expect_eq(n_resampled, 6);
    fclose(file);
}

Test(float_image, eight_bits_there_and_back)
{
    uint8_t rgb[5 * 2 * 3];
    struct image image = {5, 2, rgb}, back;
    struct float_image floats;
    for (int i = 0; i < 30; i++) rgb[i] = (uint8_t)(i * 8 + 7);
    cr_assert_eq(float_image_from(&image, 4, 2, &floats), OK);
    cr_assert_eq(float_image_to(&floats, &back), OK);
    for (int y = 0; y < 2; y++) cr_expect_arr_eq(back.rgb + y * 12, rgb + y * 15, 12, "row %d", y);
    floats.rgb[0] = 1.7f;
    floats.rgb[1] = -0.2f;
    image_free(&back);
    cr_assert_eq(float_image_to(&floats, &back), OK);
    cr_expect_eq(back.rgb[0], 255);
    cr_expect_eq(back.rgb[1], 0);
    image_free(&back);
    float_image_free(&floats);
}

Test(float_image, small_images_have_no_ssim)
{
    struct float_image a = picture(10, 30, 0);
    double ssim;
    cr_expect_eq(float_image_ssim(&a, &a, &ssim), ERR_USAGE);
    cr_expect(strstr(fail_message(), "10x30") != NULL, "%s", fail_message());
    float_image_free(&a);
}

Test(float_image, allocation_failures)
{
    struct float_image image = picture(12, 12, 0), out = {0, 0, NULL};
    struct image bytes;
    double ssim;
    for (size_t nth = 1; nth <= 2; nth++) {
        mem_fail_at(nth, false);
        enum status status = float_image_down_cubic(&image, 2, &out);
        mem_fail_at(0, false);
        cr_expect_eq(status, ERR_MEMORY);
        cr_expect_null(out.rgb);
    }
    mem_fail_at(1, false);
    cr_expect_eq(float_image_up_nearest(&image, 2, &out), ERR_MEMORY);
    mem_fail_at(1, false);
    cr_expect_eq(float_image_up_bilinear(&image, 2, &out), ERR_MEMORY);
    mem_fail_at(1, false);
    cr_expect_eq(float_image_to(&image, &bytes), ERR_MEMORY);
    mem_fail_at(1, false);
    cr_expect_eq(float_image_ssim(&image, &image, &ssim), ERR_MEMORY);
    mem_fail_at(0, false);
    float_image_free(&image);
}
