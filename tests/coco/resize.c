#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "coco/image.h"
#include "tests/scratch.h"

#define GOLDEN TARN_SOURCE_DIR "/tests/coco/golden/"

static struct image make_image(int width, int height)
{
    struct image image = {width, height, NULL};
    image.rgb = (uint8_t *)mem_alloc((size_t)(width * height), 3);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 3; c++)
                image.rgb[3 * (y * width + x) + c] =
                    (uint8_t)(x * 37 + y * 101 + c * 59 + x * y * 7);
    return image;
}

Test(resize, equals_torch)
{
    FILE *file = fopen(GOLDEN "resize.txt", "r");
    int width, height, new_width, new_height, flip, n_cases = 0;
    cr_assert_not_null(file);
    while (fscanf(file, "%d %d %d %d %d", &width, &height, &new_width, &new_height, &flip) == 5) {
        int canvas_width = new_width + 3, canvas_height = new_height + 2;
        size_t n = 3 * (size_t)canvas_width * (size_t)canvas_height;
        float *canvas = (float *)mem_alloc(n, sizeof *canvas);
        for (size_t i = 0; i < n; i++) canvas[i] = NAN;
        struct image image = make_image(width, height);
        cr_assert_eq(image_to_canvas(&image, flip, new_width, new_height, canvas, canvas_width,
                                     canvas_height),
                     OK);
        double largest = 0.0;
        for (int y = 0; y < canvas_height; y++) {
            for (int x = 0; x < 3 * canvas_width; x++) {
                double expected = 0.0;
                if (y < new_height && x < 3 * new_width)
                    cr_assert_eq(fscanf(file, "%lf", &expected), 1);
                double error = fabs((double)canvas[y * 3 * canvas_width + x] - expected);
                cr_assert(!isnan(error));
                if (error > largest) largest = error;
            }
        }
        cr_expect_lt(largest, 2e-6, "%dx%d to %dx%d: %g", width, height, new_width, new_height,
                     largest);
        image_free(&image);
        mem_free(canvas);
        n_cases++;
    }
    cr_expect_eq(n_cases, 10);
    fclose(file);
}

Test(resize, allocation_failures)
{
    struct image image = make_image(5, 4);
    float canvas[8 * 8 * 3];
    for (size_t nth = 1; nth <= 5; nth++) {
        mem_fail_at(nth, false);
        cr_expect_eq(image_to_canvas(&image, false, 8, 8, canvas, 8, 8), ERR_MEMORY);
    }
    mem_fail_at(0, false);
    cr_expect_eq(image_to_canvas(&image, false, 8, 8, canvas, 8, 8), OK);
    image_free(&image);
}
