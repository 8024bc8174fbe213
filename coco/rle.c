#include "coco/rle.h"

#include <string.h>

#include "base/mem.h"
#include "coco/rle_measure.h"

void rle_free(struct rle *rle)
{
    mem_free(rle->counts);
    *rle = (struct rle){0};
}

enum status rle_check_size(int64_t height, int64_t width)
{
    if (height < 0 || width < 0 || (width > 0 && height > RLE_MAX_PIXELS / width) ||
        height > RLE_MAX_PIXELS || width > RLE_MAX_PIXELS)
        return fail(ERR_DATA, "a mask of %lld x %lld pixels (height x width): at most %d in all",
                    (long long)height, (long long)width, RLE_MAX_PIXELS);
    return OK;
}

enum status rle_begin(struct rle *rle, int64_t height, int64_t width)
{
    TRY(rle_check_size(height, width));
    rle->height = (int)height;
    rle->width = (int)width;
    rle->n = 0;
    return OK;
}

enum status rle_append(struct rle *rle, uint32_t count)
{
    if (rle->n == rle->capacity)
        TRY(mem_reserve(&rle->counts, &rle->capacity, rle->n + 1, sizeof *rle->counts));
    rle->counts[rle->n++] = count;
    return OK;
}

enum status rle_finish(const struct rle *rle)
{
    uint64_t sum = 0, pixels = (uint64_t)rle->height * (uint64_t)rle->width;
    for (size_t i = 0; i < rle->n; i++) sum += rle->counts[i];
    if (sum == pixels) return OK;
    return fail(ERR_DATA, "the runs have %llu pixels, the image %llu", (unsigned long long)sum,
                (unsigned long long)pixels);
}

uint32_t rle_area(const struct rle *rle)
{
    uint32_t area = 0;
    for (size_t i = 1; i < rle->n; i += 2) area += rle->counts[i];
    return area;
}

void rle_box(const struct rle *rle, double box[4])
{
    struct rle_measure measure = rle_measure_begin((uint32_t)rle->height);
    rle_measure_runs(&measure, rle->counts, rle->n, false);
    rle_measure_box(&measure, box);
}

enum status rle_encode(const uint8_t *mask, int64_t height, int64_t width, struct rle *rle)
{
    TRY(rle_begin(rle, height, width));
    uint32_t count = 0;
    bool is_foreground = false;
    for (int64_t x = 0; x < width; x++)
        for (int64_t y = 0; y < height; y++) {
            if ((mask[y * width + x] != 0) != is_foreground) {
                TRY(rle_append(rle, count));
                count = 0;
                is_foreground = !is_foreground;
            }
            count++;
        }
    return rle_append(rle, count);
}

// Runs end where a bit differs from the one before it: whole words without an end are passed over.
enum status rle_from_bits(const uint32_t *bits, int64_t height, int64_t width, struct rle *rle)
{
    TRY(rle_begin(rle, height, width));
    uint32_t n = (uint32_t)(height * width), begin = 0, last = 0;
    for (uint32_t first = 0; first < n; first += 32) {
        uint32_t word = bits[first / 32], ends = word ^ (word << 1 | last);
        last = word >> 31;
        for (; ends; ends &= ends - 1) {
            uint32_t end = first + (uint32_t)__builtin_ctz(ends);
            if (end >= n) break;
            TRY(rle_append(rle, end - begin));
            begin = end;
        }
    }
    return rle_append(rle, n - begin);
}

void rle_decode(const struct rle *rle, uint8_t *mask)
{
    size_t x = 0, y = 0, height = (size_t)rle->height, width = (size_t)rle->width;
    for (size_t i = 0; i < rle->n; i++)
        for (uint32_t left = rle->counts[i]; left > 0; left--) {
            mask[y * width + x] = i % 2;
            if (++y == height) {
                y = 0;
                x++;
            }
        }
}

// A walk along the runs of one mask.
struct walk {
    const uint32_t *counts;
    size_t n, next;
    uint32_t left; // of the current run
    bool is_foreground;
};

static struct walk walk_begin(const struct rle *rle)
{
    return (struct walk){rle->counts, rle->n, rle->n ? 1 : 0, rle->n ? rle->counts[0] : 0, false};
}

static void walk_advance(struct walk *walk, uint32_t count)
{
    walk->left -= count;
    if (walk->left == 0 && walk->next < walk->n) {
        walk->left = walk->counts[walk->next++];
        walk->is_foreground = !walk->is_foreground;
    }
}

// Steps to the next change of either mask; false at the end.
static bool walk_is_done(const struct walk *a, const struct walk *b)
{
    return a->left == 0 && a->next == a->n && b->left == 0 && b->next == b->n;
}

enum status rle_merge(const struct rle *a, const struct rle *b, bool is_intersection,
                      struct rle *out)
{
    if (a->height != b->height || a->width != b->width)
        return fail(ERR_DATA, "masks of %d x %d and %d x %d pixels", a->height, a->width, b->height,
                    b->width);
    TRY(rle_begin(out, a->height, a->width));
    struct walk wa = walk_begin(a), wb = walk_begin(b);
    uint32_t count = 0;
    bool is_foreground = false;
    while (!walk_is_done(&wa, &wb)) {
        uint32_t step = wa.left < wb.left ? wa.left : wb.left;
        bool now = is_intersection ? wa.is_foreground && wb.is_foreground
                                   : wa.is_foreground || wb.is_foreground;
        if (step > 0 && now != is_foreground) {
            TRY(rle_append(out, count));
            count = 0;
            is_foreground = now;
        }
        count += step;
        walk_advance(&wa, step);
        walk_advance(&wb, step);
    }
    return rle_append(out, count);
}

double rle_iou(const struct rle *detection, const double d_box[4], const struct rle *object,
               const double o_box[4], bool is_crowd)
{
    for (int i = 0; i < 2; i++) {
        double d_end = d_box[i] + d_box[i + 2], o_end = o_box[i] + o_box[i + 2];
        double end = d_end < o_end ? d_end : o_end;
        if (end - (d_box[i] > o_box[i] ? d_box[i] : o_box[i]) <= 0) return 0;
    }
    if (detection->height != object->height || detection->width != object->width) return -1;
    struct walk a = walk_begin(detection), b = walk_begin(object);
    uint32_t common = 0, joint = 0, left = 1;
    // The reference stops where both masks have an empty run next, not only at the end: so here.
    while (left > 0) {
        uint32_t step = a.left < b.left ? a.left : b.left;
        if (a.is_foreground || b.is_foreground) joint += step;
        if (a.is_foreground && b.is_foreground) common += step;
        walk_advance(&a, step);
        walk_advance(&b, step);
        left = a.left + b.left;
    }
    if (common == 0) return 0;
    return (double)common / (double)(is_crowd ? rle_area(detection) : joint);
}
