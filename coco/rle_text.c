#include "base/mem.h"
#include "coco/rle.h"
#include "coco/rle_measure.h"

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
    struct rle_measure measure = rle_measure_begin((uint32_t)height);
    while (reader.at < reader.end) {
        uint32_t counts[256];
        size_t n = 0;
        bool is_foreground = reader.n % 2;
        TRY(read_counts(&reader, counts, sizeof counts / sizeof *counts, &n));
        rle_measure_runs(&measure, counts, n, is_foreground);
    }
    TRY(reader_finish(&reader));
    *area = measure.area;
    rle_measure_box(&measure, box);
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
