// Run-length text and what is done with masks. Input: height and width (4 bytes each, signed,
// little endian), then two texts with a '\n' between them.
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "coco/rle.h"
#include "tests/fuzz/fuzz.h"

static int32_t read_side(const uint8_t *bytes)
{
    int32_t side;
    memcpy(&side, bytes, sizeof side);
    return side;
}

static uint64_t pixels(const struct rle *rle)
{
    return (uint64_t)rle->height * (uint64_t)rle->width;
}

// The box again, by dividing each run's ends.
static void check_box(const struct rle *rle, const double box[4])
{
    uint64_t at = 0, height = (uint64_t)rle->height;
    uint64_t low[2] = {UINT64_MAX, UINT64_MAX}, end[2] = {0, 0};
    for (size_t i = 0; i < rle->n; at += rle->counts[i++]) {
        if (i % 2 == 0 || rle->counts[i] == 0) continue;
        uint64_t last = at + rle->counts[i] - 1;
        uint64_t x[2] = {at / height, last / height}, y[2] = {at % height, last % height};
        if (x[0] != x[1]) {
            y[0] = 0;
            y[1] = height - 1;
        }
        if (x[0] < low[0]) low[0] = x[0];
        if (y[0] < low[1]) low[1] = y[0];
        if (x[1] >= end[0]) end[0] = x[1] + 1;
        if (y[1] >= end[1]) end[1] = y[1] + 1;
    }
    for (int k = 0; k < 2; k++) {
        require(box[k] == (end[k] ? (double)low[k] : 0));
        require(box[2 + k] == (end[k] ? (double)(end[k] - low[k]) : 0));
    }
}

// Decodes; what decodes must measure alike, and be the same after writing and reading.
static bool decode(const char *text, size_t n, int64_t height, int64_t width, struct rle *rle)
{
    uint32_t area = 0;
    double measured[4], box[4];
    enum status status = rle_from_text(text, n, height, width, rle);
    require(rle_measure_text(text, n, height, width, &area, measured) == status);
    if (status != OK) {
        require(fail_message()[0] != 0);
        return false;
    }
    require(rle_finish(rle) == OK);
    require(rle_area(rle) == area && area <= pixels(rle));
    rle_box(rle, box);
    require(memcmp(box, measured, sizeof box) == 0);
    check_box(rle, box);
    require(box[0] + box[2] <= (double)rle->width && box[1] + box[3] <= (double)rle->height);
    char *again;
    size_t n_again;
    struct rle copy = {0};
    require(rle_to_text(rle, &again, &n_again) == OK);
    require(rle_from_text(again, n_again, height, width, &copy) == OK);
    require(copy.n == rle->n && (rle->n == 0 || memcmp(copy.counts, rle->counts, 4 * rle->n) == 0));
    rle_free(&copy);
    mem_free(again);
    return true;
}

static void check_pixels(const struct rle *a, const struct rle *b, const struct rle *both,
                         const struct rle *either)
{
    size_t n = (size_t)pixels(a);
    uint8_t *p = (uint8_t *)malloc(4 * n + 1);
    require(p != NULL);
    rle_decode(a, p);
    rle_decode(b, p + n);
    rle_decode(both, p + 2 * n);
    rle_decode(either, p + 3 * n);
    for (size_t i = 0; i < n; i++) {
        require(p[2 * n + i] == (p[i] & p[n + i]));
        require(p[3 * n + i] == (p[i] | p[n + i]));
    }
    free(p);
}

static void compare(const struct rle *a, const struct rle *b)
{
    struct rle both = {0}, either = {0};
    double a_box[4], b_box[4];
    require(rle_merge(a, b, true, &both) == OK && rle_merge(a, b, false, &either) == OK);
    require(rle_finish(&both) == OK && rle_finish(&either) == OK);
    uint64_t sum = (uint64_t)rle_area(a) + rle_area(b);
    require((uint64_t)rle_area(&both) + rle_area(&either) == sum);
    if (pixels(a) < 1 << 14) check_pixels(a, b, &both, &either);
    rle_box(a, a_box);
    rle_box(b, b_box);
    for (int crowd = 0; crowd < 2; crowd++) {
        double iou = rle_iou(a, a_box, b, b_box, crowd);
        require(iou >= 0 && iou <= 1);
    }
    rle_free(&both);
    rle_free(&either);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rle a = {0}, b = {0};
    if (size < 8) return 0;
    int64_t height = read_side(data), width = read_side(data + 4);
    const char *text = (const char *)data + 8;
    size_t n = size - 8;
    const char *newline = memchr(text, '\n', n);
    size_t n_first = newline ? (size_t)(newline - text) : n;
    bool is_mask = decode(text, n_first, height, width, &a);
    if (newline && decode(newline + 1, n - n_first - 1, height, width, &b) && is_mask)
        compare(&a, &b);
    rle_free(&a);
    rle_free(&b);
    return 0;
}
