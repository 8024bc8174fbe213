// Bar charts.
#include <math.h>

#include "../scratch.h"
#include "base/mem.h"
#include "draw/bars.h"
#include "draw/palette.h"

static size_t n_blue(const struct image *image, int x0, int x1)
{
    struct color c = palette_line(0);
    int rgb[3] = {(int)lround(c.r * 255), (int)lround(c.g * 255), (int)lround(c.b * 255)};
    size_t n = 0;
    for (int y = 0; y < image->height; y++)
        for (int x = x0; x < x1; x++) {
            const uint8_t *p = image->rgb + 3 * ((size_t)y * (size_t)image->width + (size_t)x);
            n += p[0] == rgb[0] && p[1] == rgb[1] && p[2] == rgb[2];
        }
    return n;
}

Test(draw_bars, lengths_are_values)
{
    static const char *const labels[] = {"many", "half", "none"};
    const double values[] = {200, 100, 0};
    struct bars bars = {
        .title = "t", .labels = labels, .values = values, .n = 3, .mark = (double)NAN};
    struct image image;
    cr_assert_eq(bars_draw(&bars, &image), OK);
    // Columns of the whole chart, counted in rows of equal height: 300 parts.
    size_t whole = n_blue(&image, 0, image.width);
    bars.n = 1;
    struct image one;
    cr_assert_eq(bars_draw(&bars, &one), OK);
    cr_expect_float_eq((double)whole / (double)n_blue(&one, 0, one.width), 1.5, 0.02);
    image_free(&one);
    image_free(&image);
}

Test(draw_bars, histograms_stand_side_by_side)
{
    static const char *const labels[] = {"0", "", "2", ""};
    const double values[] = {1, 2, 3, 4};
    struct bars bars = {.labels = labels,
                        .values = values,
                        .n = 4,
                        .is_histogram = true,
                        .mark = 2.5,
                        .mark_label = "here"};
    struct image image;
    cr_assert_eq(bars_draw(&bars, &image), OK);
    size_t last = 0;
    for (int i = 0; i < 4; i++) { // quarters of what lies between the margins
        size_t n = n_blue(&image, 60 + 278 * i, 60 + 278 * (i + 1));
        cr_expect(n > last, "%d: %zu", i, n);
        last = n;
    }
    image_free(&image);
}

Test(draw_bars, odd_ones)
{
    enum { MANY = 1000 };
    static const char *labels[MANY];
    static double values[MANY];
    struct image image;
    struct bars bars = {.title = "\xff", .labels = labels, .values = values, .mark = (double)NAN};
    for (int kind = 0; kind < 2; kind++) {
        bars.is_histogram = kind == 1;
        for (bars.n = 0; bars.n <= MANY; bars.n = bars.n ? bars.n * 10 : 1) {
            for (size_t i = 0; i < bars.n; i++) labels[i] = i % 3 ? "a long label indeed" : "";
            for (size_t i = 0; i < bars.n; i++) values[i] = bars.n == 10 ? 0 : (double)i * 1e9;
            cr_assert_eq(bars_draw(&bars, &image), OK, "%s", fail_message());
            image_free(&image);
        }
    }
    bars.n = 1;
    static const double refused[] = {-1, (double)NAN, HUGE_VAL};
    for (int i = 0; i < 3; i++) {
        values[0] = refused[i];
        cr_expect_eq(bars_draw(&bars, &image), ERR_USAGE);
    }
}

Test(draw_bars, memory_runs_out)
{
    static const char *const labels[] = {"a"};
    const double values[] = {1};
    struct bars bars = {.labels = labels, .values = values, .n = 1, .mark = (double)NAN};
    enum status status = ERR_MEMORY;
    for (size_t nth = 1; status != OK; nth++) {
        struct image image;
        mem_fail_at(nth, false);
        status = bars_draw(&bars, &image);
        mem_fail_at(0, false);
        cr_assert(status == OK || status == ERR_MEMORY);
        cr_assert_lt(nth, 100);
        if (status == OK) image_free(&image);
    }
}
