// Tables of counts as pictures.
#include "draw/grid.h"

#include "../scratch.h"
#include "base/mem.h"

// Pixels that are far from grey: cells with a share of their row.
static size_t n_blue(const struct image *image)
{
    size_t n = 0;
    for (size_t i = 0; i < (size_t)image->width * (size_t)image->height; i++) {
        const uint8_t *p = image->rgb + 3 * i;
        n += p[2] > p[0] + 8;
    }
    return n;
}

Test(draw_grid, cells_are_as_dark_as_their_share)
{
    static const char *const names[] = {"one", "tw\xc3\xb6", "bad \xff byte"};
    static const int64_t diagonal[] = {5, 0, 0, 0, 1, 0, 0, 0, 1000000};
    static const int64_t half[] = {5, 5, 0, 0, 1, 0, 0, 0, 0};
    struct grid grid = {"title", "rows", "columns", names, diagonal, 3};
    struct image image;
    cr_assert_eq(grid_draw(&grid, &image), OK, "%s", fail_message());
    size_t three = n_blue(&image);
    uint8_t darkest = 255;
    for (size_t i = 0; i < (size_t)image.width * (size_t)image.height; i++)
        if (image.rgb[3 * i + 2] > image.rgb[3 * i] + 8 && image.rgb[3 * i] < darkest)
            darkest = image.rgb[3 * i];
    cr_expect_leq(darkest, 40); // a whole row's share, whatever the count
    image_free(&image);
    grid.counts = half; // an empty row stays white
    cr_assert_eq(grid_draw(&grid, &image), OK, "%s", fail_message());
    cr_expect_float_eq((double)n_blue(&image) / (double)three, 1, 0.06);
    image_free(&image);
}

Test(draw_grid, from_one_class_to_many)
{
    static const size_t sizes[] = {1, 2, 100, 101, 1000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t n = sizes[i];
        struct image image;
        const char **names = (const char **)mem_alloc(n, sizeof *names);
        int64_t *counts = (int64_t *)mem_alloc(n, n * sizeof *counts);
        cr_assert(names && counts);
        for (size_t k = 0; k < n; k++) {
            names[k] = "a class with a very long name that has no room beside its row";
            counts[k * n + k] = 3;
        }
        const struct grid grid = {"t", "r", "c", names, counts, n};
        cr_assert_eq(grid_draw(&grid, &image), OK, "%zu: %s", n, fail_message());
        cr_expect(image.width < 1400 && image.height < 1400, "%zu: %dx%d", n, image.width,
                  image.height);
        cr_expect_gt(n_blue(&image), 0);
        image_free(&image);
        mem_free(names);
        mem_free(counts);
    }
}

Test(draw_grid, refuses_nothing_and_too_much)
{
    struct grid grid = {.title = "t", .row_title = "r", .column_title = "c"};
    struct image image;
    cr_expect_eq(grid_draw(&grid, &image), ERR_USAGE);
    grid.n = GRID_MAX + 1;
    cr_expect_eq(grid_draw(&grid, &image), ERR_USAGE);
    expect_message("4097 x 4097");
}
