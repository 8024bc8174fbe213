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
    uint32_t height, x, y; // where the next run begins
    uint32_t area;
    uint32_t x_low, x_high, y_low, y_high;
};

static struct measure measure_begin(uint32_t height)
{
    return (struct measure){.height = height, .x_low = UINT32_MAX, .y_low = UINT32_MAX};
}

// Divisions would be most of the time: runs mostly end in their column or in the next one.
static inline void measure_run(struct measure *m, uint32_t count, bool is_foreground)
{
    uint32_t end = m->y + count; // both at most 2^31
    if (is_foreground && count > 0) {
        bool is_inside = end <= m->height;
        uint32_t x_last = is_inside ? m->x : m->x + (end - 1) / m->height;
        uint32_t y_low = is_inside ? m->y : 0, y_high = is_inside ? end - 1 : m->height - 1;
        if (m->x < m->x_low) m->x_low = m->x;
        if (x_last > m->x_high) m->x_high = x_last;
        if (y_low < m->y_low) m->y_low = y_low;
        if (y_high > m->y_high) m->y_high = y_high;
        m->area += count;
    }
    if (end >= m->height) {
        end -= m->height;
        m->x++;
        if (end >= m->height && m->height > 0) {
            m->x += end / m->height;
            end %= m->height;
        }
    }
    m->y = end;
}

static inline void measure_runs(struct measure *measure, const uint32_t *counts, size_t n,
                                bool is_foreground)
{
    struct measure m = *measure; // in registers
    for (size_t i = 0; i < n; i++, is_foreground = !is_foreground)
        measure_run(&m, counts[i], is_foreground);
    *measure = m;
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
    measure_runs(&measure, rle->counts, rle->n, false);
    measure_box(&measure, box);
}

// Reads counts one after another.
struct text_reader {
    const char *at, *end;
    int64_t last, before_last; // counts
    size_t n;
    uint32_t left; // pixels that no run has taken yet
};

// 7 groups are 35 bits: more than any count or difference has.
enum { GROUP_BITS = 5, MAX_GROUPS = 7 };

// A count or difference of any length, as it is written.
static enum status read_long_value(const char **text, const char *end, int64_t *out)
{
    const char *at = *text;
    int64_t value = 0;
    bool has_more = true;
    for (int group = 0; has_more; group++) {
        if (at == end) return fail(ERR_DATA, "run-length text ends within a count");
        int byte = (unsigned char)*at++ - 48;
        if (byte < 0 || byte > 63)
            return fail(ERR_DATA,
                        "run-length text holds the byte %d, which is no part of a count%s",
                        byte + 48, byte + 48 == '\'' ? " (Python bytes, b'...', as text?)" : "");
        if (group == MAX_GROUPS) return fail(ERR_DATA, "run-length text holds too large a count");
        value |= (int64_t)(byte & 31) << (GROUP_BITS * group);
        has_more = byte & 32;
        if (!has_more && (byte & 16)) value -= (int64_t)1 << (GROUP_BITS * (group + 1));
    }
    *text = at;
    *out = value;
    return OK;
}

// Most have one or two groups: read without a loop and almost without branches. Returns how many,
// 0 when it is not so.
static inline int read_short_value(const char *at, const char *end, int64_t *value)
{
    if (end - at < 2) return 0;
    uint32_t low = (uint32_t)(unsigned char)at[0] - 48, high = (uint32_t)(unsigned char)at[1] - 48;
    uint32_t n_more = low >> GROUP_BITS, mask = 0 - n_more; // all ones when a group follows
    if ((low > 63) | ((high & mask) > 31)) return 0;
    uint32_t bits = (low & 31) | (high & mask) << GROUP_BITS;
    uint32_t sign = 1u << (GROUP_BITS - 1) << (n_more * GROUP_BITS);
    *value = (int64_t)(bits ^ sign) - (int64_t)sign;
    return 1 + (int)n_more;
}

// The next counts, `capacity` at the most.
static enum status read_counts(struct text_reader *reader, uint32_t *counts, size_t capacity,
                               size_t *n_counts)
{
    struct text_reader r = *reader; // in registers
    size_t n = 0;
    for (; n < capacity && r.at < r.end; n++) {
        int64_t value;
        int n_groups = read_short_value(r.at, r.end, &value);
        if (n_groups == 0) {
            const char *at = r.at;
            int64_t any;
            TRY(read_long_value(&at, r.end, &any));
            r.at = at;
            value = any;
        }
        r.at += n_groups;
        if (r.n > 2) value += r.before_last;
        if (value < 0) return fail(ERR_DATA, "run %zu has the length %lld", r.n, (long long)value);
        if (value > r.left)
            return fail(ERR_DATA, "run %zu, of %lld pixels, goes beyond the image", r.n,
                        (long long)value);
        r.left -= (uint32_t)value;
        r.before_last = r.last;
        r.last = value;
        r.n++;
        counts[n] = (uint32_t)value;
    }
    *reader = r;
    *n_counts = n;
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
    TRY(mem_reserve(&rle->counts, &rle->capacity, n_bytes, sizeof *rle->counts)); // no more runs
    struct text_reader reader = reader_begin(text, n_bytes, height, width);
    TRY(read_counts(&reader, rle->counts, n_bytes, &rle->n));
    return reader_finish(&reader);
}

enum status rle_measure_text(const char *text, size_t n_bytes, int64_t height, int64_t width,
                             uint32_t *area, double box[4])
{
    TRY(rle_check_size(height, width));
    struct text_reader reader = reader_begin(text, n_bytes, height, width);
    struct measure measure = measure_begin((uint32_t)height);
    while (reader.at < reader.end) {
        uint32_t counts[256];
        size_t n = 0;
        bool is_foreground = reader.n % 2;
        TRY(read_counts(&reader, counts, sizeof counts / sizeof *counts, &n));
        measure_runs(&measure, counts, n, is_foreground);
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
