// Run-length masks: what pycocotools computes (tests/golden/eval/rle.txt, made by
// tools/golden_rle.py), pixel-wise twins, and text that is no mask.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../scratch.h"
#include "base/mem.h"
#include "base/rng.h"
#include "coco/polygon.h"

// The parts of a line, separated by blanks.
static const char *next_word(char **at)
{
    char *word = *at;
    while (*word == ' ') word++;
    cr_assert(*word && *word != '\n', "a golden line is too short");
    char *end = word + strcspn(word, " \n");
    if (*end) *end++ = 0;
    *at = end;
    return word;
}

static int64_t next_int(char **at)
{
    return strtoll(next_word(at), NULL, 10);
}

static void next_mask(char **at, int64_t height, int64_t width, struct rle *rle)
{
    const char *text = next_word(at);
    cr_assert_eq(rle_from_text(text, strlen(text), height, width, rle), OK, "%s: %s", text,
                 fail_message());
}

static void next_ring(char **at, int64_t height, int64_t width, struct polygon_scratch *scratch,
                      struct rle *rle)
{
    double points[200];
    size_t n = (size_t)next_int(at);
    cr_assert_leq(n, 100);
    for (size_t i = 0; i < 2 * n; i++) points[i] = strtod(next_word(at), NULL);
    cr_assert_eq(polygon_to_rle(points, n, height, width, scratch, rle), OK, "%s", fail_message());
    cr_assert_eq(rle_finish(rle), OK, "%s", fail_message());
}

static void expect_text(const struct rle *rle, const char *expected)
{
    char *text;
    size_t n;
    cr_assert_eq(rle_to_text(rle, &text, &n), OK);
    cr_expect_str_eq(text, expected);
    cr_expect_eq(n, strlen(expected));
    mem_free(text);
}

static void check_polygon(char *at)
{
    struct rle rle = {0};
    struct polygon_scratch scratch = {0};
    int64_t height = next_int(&at), width = next_int(&at);
    next_ring(&at, height, width, &scratch, &rle);
    const char *text = next_word(&at);
    expect_text(&rle, text);
    uint32_t area = (uint32_t)next_int(&at), measured;
    double box[4], measured_box[4];
    rle_box(&rle, box);
    cr_expect_eq(rle_area(&rle), area);
    cr_assert_eq(rle_measure_text(text, strlen(text), height, width, &measured, measured_box), OK);
    cr_expect_eq(measured, area);
    for (int i = 0; i < 4; i++) {
        cr_expect_eq(box[i], (double)next_int(&at));
        cr_expect_eq(box[i], measured_box[i]);
    }
    polygon_free(&scratch);
    rle_free(&rle);
}

static void check_union(char *at)
{
    struct rle all = {0}, ring = {0}, joined = {0};
    struct polygon_scratch scratch = {0};
    int64_t height = next_int(&at), width = next_int(&at), n = next_int(&at);
    for (int64_t i = 0; i < n; i++) {
        next_ring(&at, height, width, &scratch, i ? &ring : &all);
        if (i == 0) continue;
        cr_assert_eq(rle_merge(&all, &ring, false, &joined), OK);
        struct rle swap = all;
        all = joined;
        joined = swap;
    }
    expect_text(&all, next_word(&at));
    polygon_free(&scratch);
    rle_free(&all);
    rle_free(&ring);
    rle_free(&joined);
}

static void check_merge(char *at)
{
    struct rle a = {0}, b = {0}, out = {0};
    int64_t height = next_int(&at), width = next_int(&at);
    next_mask(&at, height, width, &a);
    next_mask(&at, height, width, &b);
    for (int is_intersection = 0; is_intersection < 2; is_intersection++) {
        cr_assert_eq(rle_merge(&a, &b, is_intersection, &out), OK);
        expect_text(&out, next_word(&at));
    }
    rle_free(&a);
    rle_free(&b);
    rle_free(&out);
}

static void check_iou(char *at)
{
    struct rle a = {0}, b = {0};
    double a_box[4], b_box[4], expected;
    int64_t height = next_int(&at), width = next_int(&at);
    next_mask(&at, height, width, &a);
    height = next_int(&at), width = next_int(&at);
    next_mask(&at, height, width, &b);
    bool is_crowd = next_int(&at) != 0;
    uint64_t bits = strtoull(next_word(&at), NULL, 16);
    memcpy(&expected, &bits, sizeof expected);
    rle_box(&a, a_box);
    rle_box(&b, b_box);
    double iou = rle_iou(&a, a_box, &b, b_box, is_crowd);
    cr_expect(memcmp(&iou, &expected, sizeof iou) == 0, "%.17g, expected %.17g", iou, expected);
    rle_free(&a);
    rle_free(&b);
}

Test(coco_rle, as_pycocotools)
{
    static const struct {
        const char *name;
        void (*check)(char *);
    } kinds[] = {{"polygon ", check_polygon},
                 {"union ", check_union},
                 {"merge ", check_merge},
                 {"iou ", check_iou}};
    char *text;
    size_t n, n_cases = 0;
    cr_assert_eq(file_read(TARN_SOURCE_DIR "/tests/golden/eval/rle.txt", 0, &text, &n), OK, "%s",
                 fail_message());
    for (char *line = text, *end; *line; line = end) {
        end = strchr(line, '\n') + 1;
        end[-1] = 0;
        for (size_t i = 0; i < 4; i++) {
            size_t length = strlen(kinds[i].name);
            if (strncmp(line, kinds[i].name, length) != 0) continue;
            kinds[i].check(line + length);
            n_cases++;
        }
    }
    cr_expect_eq(n_cases, 510);
    mem_free(text);
}

enum { SIDE = 24 };

static void random_pixels(struct rng *rng, uint8_t *mask)
{
    uint32_t share = rng_below(rng, 5);
    for (int i = 0; i < SIDE * SIDE; i++) mask[i] = rng_below(rng, 5) < share;
}

Test(coco_rle, as_pixels)
{
    struct rng rng;
    struct rle a = {0}, b = {0}, both = {0}, any = {0};
    rng_start(&rng, 1, RNG_TEST, 0);
    for (int run = 0; run < 300; run++) {
        uint8_t pa[SIDE * SIDE], pb[SIDE * SIDE], decoded[SIDE * SIDE];
        uint32_t n_both = 0, n_any = 0;
        double a_box[4], b_box[4];
        random_pixels(&rng, pa);
        random_pixels(&rng, pb);
        cr_assert_eq(rle_encode(pa, SIDE, SIDE, &a), OK);
        cr_assert_eq(rle_encode(pb, SIDE, SIDE, &b), OK);
        rle_decode(&a, decoded);
        cr_assert(memcmp(pa, decoded, sizeof pa) == 0);
        for (int i = 0; i < SIDE * SIDE; i++) n_both += pa[i] & pb[i], n_any += pa[i] | pb[i];
        cr_assert_eq(rle_merge(&a, &b, true, &both), OK);
        cr_assert_eq(rle_merge(&a, &b, false, &any), OK);
        cr_expect_eq(rle_area(&both), n_both);
        cr_expect_eq(rle_area(&any), n_any);
        rle_box(&a, a_box);
        rle_box(&b, b_box);
        double iou = rle_iou(&a, a_box, &b, b_box, false);
        cr_expect_eq(iou, n_both ? (double)n_both / n_any : 0);
        rle_decode(&any, decoded);
        for (int i = 0; i < SIDE * SIDE; i++) cr_assert_eq(decoded[i], pa[i] | pb[i]);
    }
    rle_free(&a);
    rle_free(&b);
    rle_free(&both);
    rle_free(&any);
}

static void expect_refused(const char *text, size_t n, int64_t height, int64_t width,
                           const char *message)
{
    struct rle rle = {0};
    uint32_t area;
    double box[4];
    cr_expect_eq(rle_from_text(text, n, height, width, &rle), ERR_DATA, "%s", text);
    expect_message(message);
    cr_expect_eq(rle_measure_text(text, n, height, width, &area, box), ERR_DATA, "%s", text);
    expect_message(message);
    rle_free(&rle);
}

Test(coco_rle, refused_text)
{
    expect_refused("b'52:1'", 7, 4, 5, "the byte 39");
    expect_refused("5\x80", 2, 4, 5, "the byte 128");
    expect_refused("5 ", 2, 4, 5, "the byte 32");
    expect_refused("p", 1, 4, 5, "the byte 112");
    expect_refused("", 0, 4, 5, "leave 20 pixels");
    expect_refused("5", 1, 4, 5, "leave 15 pixels");
    expect_refused("e0", 2, 4, 5, "run 0, of 21 pixels");
    expect_refused("d", 1, 4, 5, "ends within a count");
    expect_refused("O", 1, 4, 5, "the length -1");
    expect_refused("oooooooo", 8, 4, 5, "too large a count");
    expect_refused("ooooooo0", 8, 4, 5, "too large a count");
    expect_refused("oooooo?", 7, 4, 5, "goes beyond the image");
    expect_refused("0", 1, -4, 5, "-4 x 5 pixels");
    expect_refused("0", 1, 100000, 100000, "100000 x 100000 pixels");
    expect_refused("0", 1, INT64_MAX, INT64_MAX, "at most 2147483647");
    expect_refused("0", 1, 0, INT64_MAX, "at most 2147483647");
}

// Any text whatever: read or refused. What was read has the image's size and comes back.
Test(coco_rle, any_text)
{
    struct rng rng;
    struct rle rle = {0}, again = {0};
    size_t n_read = 0;
    rng_start(&rng, 2, RNG_TEST, 0);
    for (int run = 0; run < 200000; run++) {
        char text[12];
        size_t n = rng_below(&rng, sizeof text + 1);
        for (size_t i = 0; i < n; i++) text[i] = (char)(48 + rng_below(&rng, i + 1 == n ? 32 : 40));
        if (rle_from_text(text, n, 3, 7, &rle) != OK) continue;
        n_read++;
        cr_assert_eq(rle_finish(&rle), OK);
        char *back;
        size_t n_back;
        cr_assert_eq(rle_to_text(&rle, &back, &n_back), OK);
        cr_assert_eq(rle_from_text(back, n_back, 3, 7, &again), OK);
        cr_assert_eq(again.n, rle.n);
        cr_assert(memcmp(again.counts, rle.counts, rle.n * sizeof *rle.counts) == 0);
        mem_free(back);
    }
    cr_expect_gt(n_read, 100);
    rle_free(&rle);
    rle_free(&again);
}

Test(coco_rle, large_counts)
{
    struct rle rle = {0}, again = {0};
    char *text;
    size_t n;
    cr_assert_eq(rle_begin(&rle, 1, RLE_MAX_PIXELS), OK);
    static const uint32_t counts[] = {1, 2, 0x7FFFFFF0, 3, 4, 5};
    for (int i = 0; i < 6; i++) cr_assert_eq(rle_append(&rle, counts[i]), OK);
    cr_assert_eq(rle_finish(&rle), OK);
    cr_assert_eq(rle_to_text(&rle, &text, &n), OK);
    cr_assert_eq(rle_from_text(text, n, 1, RLE_MAX_PIXELS, &again), OK, "%s", fail_message());
    cr_expect(memcmp(again.counts, counts, sizeof counts) == 0);
    cr_expect_eq(rle_append(&rle, UINT32_MAX), OK);
    cr_expect_eq(rle_finish(&rle), ERR_DATA);
    expect_message("the image 2147483647");
    mem_free(text);
    rle_free(&rle);
    rle_free(&again);
}

Test(coco_rle, sizes_must_agree)
{
    struct rle a = {0}, b = {0}, out = {0};
    cr_assert_eq(rle_from_text("0d0", 3, 4, 5, &a), OK);
    cr_assert_eq(rle_from_text("0d0", 3, 5, 4, &b), OK);
    cr_expect_eq(rle_merge(&a, &b, false, &out), ERR_DATA);
    expect_message("4 x 5 and 5 x 4");
    rle_free(&a);
    rle_free(&b);
    rle_free(&out);
}

Test(coco_polygon, degenerate)
{
    static const double points[] = {3, 3, 9, 9, 15, 3, 3, 3};
    struct rle rle = {0};
    struct polygon_scratch scratch = {0};
    for (size_t n = 0; n <= 2; n++) {
        cr_assert_eq(polygon_to_rle(points, n, 20, 20, &scratch, &rle), OK);
        cr_expect_eq(rle_area(&rle), 0);
        cr_expect_eq(rle_finish(&rle), OK);
    }
    cr_assert_eq(polygon_to_rle(points, 4, 20, 20, &scratch, &rle), OK);
    cr_expect_gt(rle_area(&rle), 20);
    cr_assert_eq(polygon_to_rle(points, 4, 0, 20, &scratch, &rle), OK);
    cr_expect_eq(rle_finish(&rle), OK);
    cr_assert_eq(polygon_to_rle(points, 4, 20, 0, &scratch, &rle), OK);
    cr_expect_eq(rle_finish(&rle), OK);
    cr_expect_eq(polygon_to_rle(points, 4, -1, 20, &scratch, &rle), ERR_DATA);
    polygon_free(&scratch);
    rle_free(&rle);
}

// Far away corners take no longer than near ones.
Test(coco_polygon, far_points, .timeout = 20)
{
    static const double wrong[][6] = {{0, 0, 1e9, 0, 0, 5}, {0, 0, 1, (double)NAN, 3, 4}};
    static const double far[] = {-4e8, -3e8, 4e8, -4e8, 3e8, 4e8, -4e8, 2e8};
    struct rle rle = {0};
    struct polygon_scratch scratch = {0};
    for (int i = 0; i < 1000; i++) {
        cr_assert_eq(polygon_to_rle(far, 4, 50, 60, &scratch, &rle), OK);
        cr_assert_eq(rle_area(&rle), 50 * 60);
    }
    cr_expect_eq(polygon_to_rle(wrong[0], 3, 50, 60, &scratch, &rle), ERR_DATA);
    expect_message("point 1 of a polygon");
    cr_expect_eq(polygon_to_rle(wrong[1], 3, 50, 60, &scratch, &rle), ERR_DATA);
    polygon_free(&scratch);
    rle_free(&rle);
}
