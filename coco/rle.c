#include "coco/rle.h"

#include <string.h>

#include "base/mem.h"

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

// Runs come one by one; area and box grow with them.
struct measure {
    uint32_t height, pixels; // pixels: of all runs so far
    uint32_t area;
    uint32_t x_low, x_high, y_low, y_high;
};

static struct measure measure_begin(uint32_t height)
{
    return (struct measure){.height = height, .x_low = UINT32_MAX, .y_low = UINT32_MAX};
}

static void measure_run(struct measure *m, uint32_t count, bool is_foreground)
{
    uint32_t first = m->pixels;
    m->pixels += count;
    if (!is_foreground || count == 0) return;
    uint32_t last = m->pixels - 1;
    uint32_t x_first = first / m->height, x_last = last / m->height;
    uint32_t y_first = first % m->height, y_last = last % m->height;
    if (x_first < x_last) {
        y_first = 0;
        y_last = m->height - 1;
    }
    m->area += count;
    if (x_first < m->x_low) m->x_low = x_first;
    if (x_last > m->x_high) m->x_high = x_last;
    if (y_first < m->y_low) m->y_low = y_first;
    if (y_last > m->y_high) m->y_high = y_last;
}

static void measure_box(const struct measure *m, double box[4])
{
    box[0] = box[1] = box[2] = box[3] = 0;
    if (m->area == 0) return;
    box[0] = m->x_low;
    box[1] = m->y_low;
    box[2] = (double)(m->x_high - m->x_low + 1);
    box[3] = (double)(m->y_high - m->y_low + 1);
}

uint32_t rle_area(const struct rle *rle)
{
    uint32_t area = 0;
    for (size_t i = 1; i < rle->n; i += 2) area += rle->counts[i];
    return area;
}

void rle_box(const struct rle *rle, double box[4])
{
    struct measure measure = measure_begin((uint32_t)rle->height);
    for (size_t i = 0; i < rle->n; i++) measure_run(&measure, rle->counts[i], i % 2);
    measure_box(&measure, box);
}

// Reads one count after another.
struct text_reader {
    const char *at, *end;
    int64_t previous[2]; // the last count and the one before it
    size_t n;
    uint32_t left; // pixels that no run has taken yet
};

// 7 groups are 35 bits: more than any count or difference has.
enum { GROUP_BITS = 5, MAX_GROUPS = 7 };

static enum status next_count(struct text_reader *reader, uint32_t *count)
{
    int64_t value = 0;
    bool has_more = true;
    for (int group = 0; has_more; group++) {
        if (reader->at == reader->end) return fail(ERR_DATA, "run-length text ends within a count");
        int byte = (unsigned char)*reader->at++ - 48;
        if (byte < 0 || byte > 63)
            return fail(ERR_DATA,
                        "run-length text holds the byte %d, which is no part of a count%s",
                        byte + 48, byte + 48 == '\'' ? " (Python bytes, b'...', as text?)" : "");
        if (group == MAX_GROUPS) return fail(ERR_DATA, "run-length text holds too large a count");
        value |= (int64_t)(byte & 31) << (GROUP_BITS * group);
        has_more = byte & 32;
        if (!has_more && (byte & 16)) value -= (int64_t)1 << (GROUP_BITS * (group + 1));
    }
    if (reader->n > 2) value += reader->previous[1];
    if (value < 0)
        return fail(ERR_DATA, "run %zu has the length %lld", reader->n, (long long)value);
    if (value > reader->left)
        return fail(ERR_DATA, "run %zu, of %lld pixels, goes beyond the image", reader->n,
                    (long long)value);
    reader->left -= (uint32_t)value;
    reader->previous[1] = reader->previous[0];
    reader->previous[0] = value;
    reader->n++;
    *count = (uint32_t)value;
    return OK;
}

static struct text_reader reader_begin(const char *text, size_t n_bytes, int64_t height,
                                       int64_t width)
{
    return (struct text_reader){
        .at = text, .end = text + n_bytes, .left = (uint32_t)(height * width)};
}

static enum status reader_finish(const struct text_reader *reader)
{
    if (reader->left == 0) return OK;
    return fail(ERR_DATA, "the runs leave %u pixels of the image over", reader->left);
}

enum status rle_from_text(const char *text, size_t n_bytes, int64_t height, int64_t width,
                          struct rle *rle)
{
    TRY(rle_begin(rle, height, width));
    struct text_reader reader = reader_begin(text, n_bytes, height, width);
    while (reader.at < reader.end) {
        uint32_t count;
        TRY(next_count(&reader, &count));
        TRY(rle_append(rle, count));
    }
    return reader_finish(&reader);
}

enum status rle_measure_text(const char *text, size_t n_bytes, int64_t height, int64_t width,
                             uint32_t *area, double box[4])
{
    TRY(rle_check_size(height, width));
    struct text_reader reader = reader_begin(text, n_bytes, height, width);
    struct measure measure = measure_begin((uint32_t)height);
    while (reader.at < reader.end) {
        uint32_t count;
        bool is_foreground = reader.n % 2;
        TRY(next_count(&reader, &count));
        measure_run(&measure, count, is_foreground);
    }
    TRY(reader_finish(&reader));
    *area = measure.area;
    measure_box(&measure, box);
    return OK;
}

enum status rle_to_text(const struct rle *rle, char **text, size_t *n_bytes)
{
    size_t bytes;
    if (!size_mul(rle->n, MAX_GROUPS, &bytes) || !size_add(bytes, 1, &bytes))
        return fail(ERR_MEMORY, "a mask of %zu runs", rle->n);
    char *out = mem_alloc(bytes, 1);
    if (!out) return ERR_MEMORY;
    size_t used = 0;
    for (size_t i = 0; i < rle->n; i++) {
        int64_t value = rle->counts[i];
        if (i > 2) value -= rle->counts[i - 2];
        for (bool has_more = true; has_more;) {
            int group = (int)(value & 31);
            value = (value - group) / 32; // rounds down, as group >= 0 was taken off
            has_more = group & 16 ? value != -1 : value != 0;
            out[used++] = (char)(48 + group + (has_more ? 32 : 0));
        }
    }
    *text = out;
    if (n_bytes) *n_bytes = used;
    return OK;
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
