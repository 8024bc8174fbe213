// Line charts.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../scratch.h"
#include "base/mem.h"
#include "draw/chart.h"
#include "draw/palette.h"
#include "draw/ticks.h"

static struct image draw(const struct chart *chart)
{
    struct image out;
    cr_assert_eq(chart_draw(chart, &out), OK, "%s", fail_message());
    cr_assert_eq(out.width, chart->width ? chart->width : 1200);
    cr_assert_eq(out.height, chart->height ? chart->height : 720);
    return out;
}

static bool is_near(const uint8_t *rgb, struct color c)
{
    return abs(rgb[0] - (int)lround(c.r * 255)) <= 2 && abs(rgb[1] - (int)lround(c.g * 255)) <= 2 &&
           abs(rgb[2] - (int)lround(c.b * 255)) <= 2;
}

// Pixels of line i's colour in the lower three quarters, where no legend is.
static size_t n_line_pixels(const struct image *image, int i)
{
    size_t n = 0, first = (size_t)image->height / 4 * (size_t)image->width;
    for (size_t p = first; p < (size_t)image->width * (size_t)image->height; p++)
        n += is_near(image->rgb + p * 3, palette_line(i));
    return n;
}

static bool border_is_white(const struct image *image)
{
    size_t w = (size_t)image->width, h = (size_t)image->height;
    for (size_t y = 0; y < h; y++)
        for (size_t x = 0; x < w; x++) {
            if (x > 1 && x < w - 2 && y > 1 && y < h - 2) continue;
            const uint8_t *rgb = image->rgb + (y * w + x) * 3;
            if (rgb[0] != 255 || rgb[1] != 255 || rgb[2] != 255) return false;
        }
    return true;
}

enum { N = 5000 };
static double x[N], y[N], z[N];

static void fill(void)
{
    for (int i = 0; i < N; i++) {
        x[i] = i * 10;
        y[i] = 2 * exp(-i / 900.0) + 0.3 + 0.2 * sin(i * 12.9898) * cos(i * 78.233);
        z[i] = 0.5 + 0.3 * sin(i * 0.01);
        if (i > 1000 && i < 1400) z[i] = NAN;
    }
}

static const struct chart_series losses[] = {{"classification", x, y, N, 0.97, false},
                                             {"box regression", x, z, N, 0.97, false}};
static const struct chart loss_chart = {
    .title = "Losses", .x_label = "iteration", .y_label = "loss", .series = losses, .n_series = 2};

Test(draw_chart, shows_its_lines)
{
    fill();
    struct image a = draw(&loss_chart), b = draw(&loss_chart);
    cr_expect(memcmp(a.rgb, b.rgb, (size_t)a.width * (size_t)a.height * 3) == 0, "two runs differ");
    cr_expect_gt(n_line_pixels(&a, 0), 1000);
    cr_expect_gt(n_line_pixels(&a, 1), 1000);
    cr_expect(border_is_white(&a), "something touches the border");
    image_free(&a);
    image_free(&b);
}

// Labels and lines keep off the border at any size that leaves room for them, and long texts too.
Test(draw_chart, stays_inside)
{
    static const int sizes[][2] = {{1200, 720}, {300, 200}, {2400, 700}, {500, 1400}, {4000, 3000}};
    static char endless[5000];
    memset(endless, 'W', sizeof endless - 1);
    fill();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int log = 0; log < 2; log++) {
            struct chart chart = loss_chart;
            struct chart_series series[2] = {losses[0], losses[1]};
            series[1].name = endless;
            chart.title = chart.x_label = chart.y_label = endless;
            chart.series = series;
            chart.is_log_y = log;
            chart.width = sizes[i][0];
            chart.height = sizes[i][1];
            struct image image = draw(&chart);
            cr_expect(border_is_white(&image), "%d x %d", chart.width, chart.height);
            image_free(&image);
        }
}

Test(draw_chart, smallest_sizes)
{
    fill();
    for (int size = 16; size < 60; size += 7) {
        struct chart chart = loss_chart;
        chart.width = size;
        chart.height = 75 - size;
        struct image image = draw(&chart);
        image_free(&image);
    }
}

Test(draw_chart, hostile_values)
{
    static const double values[] = {NAN,    INFINITY, -INFINITY, 1e308, -1e308,    1e300, -1e300,
                                    5e-324, 0,        -0.0,      1e17,  1e17 + 16, 1};
    enum { V = sizeof values / sizeof *values };
    for (size_t i = 0; i < V * V; i++) {
        double xs[3] = {values[i % V], 1, values[i / V]}, ys[3] = {values[i / V], values[i % V], 2};
        struct chart_series series[2] = {{"a", xs, ys, 3, 0.5, true}, {"b", NULL, ys, 3, 0, true}};
        struct chart chart = {.title = "t",
                              .series = series,
                              .n_series = 2,
                              .is_log_y = i % 2,
                              .width = 200,
                              .height = 120};
        struct image image = draw(&chart);
        image_free(&image);
    }
}

Test(draw_chart, no_data)
{
    static const double none[] = {NAN, NAN, -1};
    struct chart_series series[] = {{"nothing", NULL, NULL, 0, 0.9, true},
                                    {NULL, NULL, none, 2, 0, false},
                                    {"\xFF\xC3", NULL, none, 3, 0, true}};
    struct chart chart = {.title = "\xFF\xC3 \x01", .is_log_y = true};
    struct image image = draw(&chart);
    cr_expect(border_is_white(&image));
    image_free(&image);
    chart.series = series;
    chart.n_series = 3;
    image = draw(&chart);
    cr_expect(border_is_white(&image));
    image_free(&image);
}

// A point between gaps shows, and so does a constant line.
Test(draw_chart, lone_points)
{
    static const double lone[] = {NAN, 3, NAN}, constant[] = {7, 7, 7, 7};
    struct chart_series series[] = {{NULL, NULL, lone, 3, 0, false}};
    struct chart chart = {.series = series, .n_series = 1};
    struct image image = draw(&chart);
    cr_expect_gt(n_line_pixels(&image, 0), 1);
    image_free(&image);
    series[0].y = constant;
    series[0].n = 4;
    image = draw(&chart);
    cr_expect_gt(n_line_pixels(&image, 0), 800);
    image_free(&image);
}

Test(draw_chart, many_series)
{
    enum { M = 60 };
    struct chart_series series[M];
    char names[M][40];
    fill();
    for (int i = 0; i < M; i++) {
        snprintf(names[i], sizeof names[i], "series number %d", i);
        series[i] = (struct chart_series){names[i], x, i % 2 ? y : z, 200, 0, i % 3 == 0};
    }
    struct chart chart = {.title = "many", .series = series, .n_series = M};
    struct image image = draw(&chart);
    cr_expect(border_is_white(&image));
    image_free(&image);
}

Test(draw_chart, refused)
{
    struct image out;
    struct chart chart = {.width = 8, .height = 100};
    cr_expect_eq(chart_draw(&chart, &out), ERR_USAGE);
    chart.width = 20000;
    cr_expect_eq(chart_draw(&chart, &out), ERR_USAGE);
    chart.width = -1;
    cr_expect_eq(chart_draw(&chart, &out), ERR_USAGE);
    chart = (struct chart){.has_y_range = true, .y_min = 1, .y_max = 1};
    cr_expect_eq(chart_draw(&chart, &out), ERR_USAGE);
    chart = (struct chart){.has_y_range = true, .y_min = 0, .y_max = 1, .is_log_y = true};
    cr_expect_eq(chart_draw(&chart, &out), ERR_USAGE);
    chart = (struct chart){.has_y_range = true, .y_min = NAN, .y_max = 1};
    cr_expect_eq(chart_draw(&chart, &out), ERR_USAGE);
}

Test(draw_chart, saved)
{
    char path[PATH_BYTES];
    struct image image;
    fill();
    cr_assert_eq(chart_save(&loss_chart, scratch_path(path, "chart.png")), OK, "%s",
                 fail_message());
    cr_assert_eq(image_load(path, EXIF_IGNORE, &image, NULL), OK);
    cr_expect_eq(image.width, 1200);
    image_free(&image);
    cr_expect_eq(chart_save(&loss_chart, "/no/such/folder/a.png"), ERR_IO);
}

// A million points take no longer than the pixels they fall on.
Test(draw_chart, a_million_points, .timeout = 60)
{
    enum { MILLION = 1000000 };
    double *values = mem_alloc(MILLION, sizeof *values);
    for (int i = 0; i < MILLION; i++) values[i] = sin(i * 12.9898) * cos(i * 78.233);
    struct chart_series series[] = {{"noise", NULL, values, MILLION, 0.99, false}};
    struct chart chart = {.series = series, .n_series = 1};
    struct image image = draw(&chart);
    image_free(&image);
    mem_free(values);
}

Test(draw_ticks, labels)
{
    static const struct {
        double low, high;
        const char *labels;
    } cases[] = {
        {0, 1, "0 0.2 0.4 0.6 0.8 1.0 "},
        {0, 90000, "0 20k 40k 60k 80k "},
        {-5, 5, "-4 -2 0 2 4 "},
        {0, 3e6, "0 1M 2M 3M "},
        {0, 5e-5, "0 1e-5 2e-5 3e-5 4e-5 5e-5 "},
        {0.37, 0.39, "0.370 0.375 0.380 0.385 0.390 "},
        {1e10, 3e10, "1.0e10 1.5e10 2.0e10 2.5e10 3.0e10 "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ticks ticks;
        char text[512] = "";
        ticks_linear(cases[i].low, cases[i].high, 5, false, &ticks);
        for (int k = 0; k < ticks.n; k++) {
            size_t used = strlen(text);
            snprintf(text + used, sizeof text - used, "%s ", ticks.label[k]);
            cr_expect(ticks.at[k] >= cases[i].low && ticks.at[k] <= cases[i].high);
        }
        cr_expect_str_eq(text, cases[i].labels);
    }
}
