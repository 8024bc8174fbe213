// Sheets of labelled pictures.
#include <criterion/criterion.h>
#include <string.h>

#include "base/mem.h"
#include "draw/sheet.h"

enum { N = 5, CELL = 60 };

static const uint8_t *pixel(const struct image *image, int x, int y)
{
    return image->rgb + ((size_t)y * (size_t)image->width + (size_t)x) * 3;
}

static bool is_color(const uint8_t *rgb, int r, int g, int b)
{
    return rgb[0] == r && rgb[1] == g && rgb[2] == b;
}

// Pictures of 2x1 pixels, red and blue.
static struct sheet make(struct sheet_cell cells[N], struct image *image)
{
    static uint8_t rgb[6] = {255, 0, 0, 0, 0, 255};
    static const struct sheet_cell empty;
    *image = (struct image){2, 1, rgb};
    for (int i = 0; i < N; i++)
        cells[i] = (struct sheet_cell){"max", "SSIM 0.5", i == N - 1 ? NULL : image};
    cells[1] = empty;
    return (struct sheet){"title", "subtitle", cells, N, 3, CELL, CELL / 2};
}

// Each picture covers its cell: half of it red, half blue, without mixed pixels.
Test(sheet, pictures_are_enlarged_sharply)
{
    struct sheet_cell cells[N];
    struct image picture, out;
    struct sheet sheet = make(cells, &picture);
    cr_assert_eq(sheet_draw(&sheet, &out), OK, "%s", fail_message());
    size_t red = 0, blue = 0;
    for (int y = 0; y < out.height; y++)
        for (int x = 0; x < out.width; x++) {
            red += is_color(pixel(&out, x, y), 255, 0, 0);
            blue += is_color(pixel(&out, x, y), 0, 0, 255);
        }
    const size_t half_cell = (size_t)CELL / 2 * CELL / 2;
    cr_expect_eq(red, 3 * half_cell, "%zu red pixels", red);
    cr_expect_eq(blue, 3 * half_cell, "%zu blue pixels", blue);
    for (int x = 0; x < out.width; x++) {
        cr_expect(is_color(pixel(&out, x, 0), 255, 255, 255));
        cr_expect(is_color(pixel(&out, x, out.height - 1), 255, 255, 255));
    }
    image_free(&out);
}

Test(sheet, columns_are_chosen)
{
    struct sheet_cell cells[N];
    struct image picture, narrow, wide;
    struct sheet sheet = make(cells, &picture);
    sheet.columns = 1;
    cr_assert_eq(sheet_draw(&sheet, &narrow), OK);
    sheet.columns = 0;
    cr_assert_eq(sheet_draw(&sheet, &wide), OK);
    cr_expect_gt(wide.width, narrow.width);
    cr_expect_lt(wide.height, narrow.height);
    image_free(&narrow);
    image_free(&wide);
}

Test(sheet, refusals)
{
    struct sheet_cell cells[N];
    struct image picture, out;
    struct sheet sheet = make(cells, &picture);
    sheet.n_cells = 0;
    cr_expect_eq(sheet_draw(&sheet, &out), ERR_USAGE);
    sheet.n_cells = N;
    sheet.cell_width = 20000;
    cr_expect_eq(sheet_draw(&sheet, &out), ERR_UNSUPPORTED);
}

Test(sheet, allocation_failures)
{
    struct sheet_cell cells[N];
    struct image picture, out;
    struct sheet sheet = make(cells, &picture);
    enum status status = ERR_MEMORY;
    for (size_t nth = 1; nth < 20 && status != OK; nth++) {
        mem_fail_at(nth, false);
        status = sheet_draw(&sheet, &out);
        mem_fail_at(0, false);
        cr_expect(status == OK || status == ERR_MEMORY);
    }
    cr_assert_eq(status, OK);
    image_free(&out);
}
