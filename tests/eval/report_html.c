// Text that becomes part of a page.
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "../scratch.h"
#include "eval/report/html.h"
#include "eval/report/plot.h"

static FILE *begin(void)
{
    char path[PATH_BYTES];
    FILE *f = fopen(scratch_path(path, "report_html.txt"), "wb+");
    cr_assert_not_null(f);
    return f;
}

static void expect_written(FILE *f, const char *expected)
{
    char text[512];
    rewind(f);
    size_t n = fread(text, 1, sizeof text - 1, f);
    text[n] = 0;
    fclose(f);
    cr_expect_str_eq(text, expected);
}

Test(report_html, text)
{
    static const char *const cases[][2] = {
        {"", ""},
        {"person", "person"},
        {"a<b>&\"c'", "a&lt;b&gt;&amp;&quot;c&#39;"},
        {"t\xC3\xAAte \xF0\x9F\x90\xB1", "t\xC3\xAAte \xF0\x9F\x90\xB1"},
        {"a\nb\tc\x7F", "a\xEF\xBF\xBD"
                        "b\xEF\xBF\xBD"
                        "c\xEF\xBF\xBD"},
        {"\xFF\xC3", "\xEF\xBF\xBD\xEF\xBF\xBD"},                 // not UTF-8, cut off
        {"\xC0\xAF", "\xEF\xBF\xBD\xEF\xBF\xBD"},                 // overlong '/'
        {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"}, // a surrogate
        {"\xF5\x80\x80\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"}, // over U+10FFFF
        {"a\xE2\x80\xAEz", "a\xEF\xBF\xBDz"}, // right to left from here
        {"\xC2\x85", "\xEF\xBF\xBD"},         // a control character
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        FILE *f = begin();
        html_text(f, cases[i][0]);
        expect_written(f, cases[i][1]);
    }
}

Test(report_html, cut)
{
    FILE *f = begin();
    html_text_cut(f, "\xC3\xA4\xC3\xB6<\xC3\xBC", 4);
    expect_written(f, "\xC3\xA4\xC3\xB6&lt;\xC3\xBC");
    f = begin();
    html_text_cut(f, "\xC3\xA4\xC3\xB6<\xC3\xBC", 3);
    expect_written(f, "\xC3\xA4\xC3\xB6\xE2\x80\xA6");
}

Test(report_html, json)
{
    FILE *f = begin();
    html_json(f, "a\"\\</script>&\n\xE2\x80\xA8");
    expect_written(f, "\"a\\\"\\\\\\u003c/script\\u003e\\u0026\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

// The vectors of RFC 4648.
Test(report_html, base64)
{
    static const char *const cases[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        FILE *f = begin();
        html_base64(f, (const unsigned char *)cases[i][0], strlen(cases[i][0]));
        expect_written(f, cases[i][1]);
    }
}

// Points on a level line are left out, its ends are not.
Test(report_html, plot_path)
{
    static const int points[][2] = {{0, 5}, {1, 5}, {2, 5}, {3, 9}, {4, 9}, {5, 9}};
    struct plot_path path = {0};
    FILE *f = begin();
    for (size_t i = 0; i < 6; i++) plot_path_add(f, &path, points[i][0], points[i][1]);
    plot_path_end(f, &path);
    expect_written(f, "M0 5L2 5L3 9L5 9");
    const struct plot plot = {"p", "", "", "", "", -1, 3};
    cr_expect_eq(plot_x(&plot, -1), PLOT_LEFT);
    cr_expect_eq(plot_x(&plot, 3), PLOT_RIGHT);
    cr_expect_eq(plot_x(&plot, 1), (PLOT_LEFT + PLOT_RIGHT) / 2);
    cr_expect_eq(plot_y(0), PLOT_BOTTOM);
    cr_expect_eq(plot_y(1), PLOT_TOP);
}
