#include "backbone/pool/soft_strip_hot.h"

#include <string.h>

#include "cpu/pool_window.h"

// A strip is some columns of the map and a block of channels: so few that the rows in work stay
// near the first-level cache, so many that what neighbours compute twice costs little.
enum {
    CHANNELS = 64,
    MAX_KERNEL = 3,
    OWN = 8,           // windows (forward) or strides of columns (backward)
    WINDOWS = OWN + 2, // backward needs the neighbours' too
    COLUMNS = (WINDOWS - 1) * MAX_KERNEL + MAX_KERNEL
};

typedef lanes pixel[CHANNELS / N_LANES];

// Sums within this range of the reference's own term keep their precision: rounding errors of a
// distance d grow with d.
static const float sum_low = 1e-9f, sum_high = 1e9f;

struct strip {
    const struct pool_map *map;
    const void *x;
    size_t first; // of the image and the block's first channel in x
    struct soft_scale scale;
    lanes slope;
    int n_c;
    int ow_begin, ow_end; // windows
    int w_begin, n_w;     // columns that they read; some may lie in the padding
    pixel reference;
};

POOL_LOOP_INLINE int vectors(int n_c)
{
    return (n_c + N_LANES - 1) / N_LANES;
}

// Vector k of a pixel of n_c channels; the last may be shorter.
POOL_LOOP_INLINE int length_of(int n_c, int k)
{
    return n_c - k * N_LANES < N_LANES ? n_c - k * N_LANES : N_LANES;
}

POOL_LOOP_INLINE lanes load_x(int n_c, const struct strip *strip, size_t at, int k)
{
    at += strip->first + (size_t)(k * N_LANES);
    if (strip->map->is_bf16) return pool_load(strip->x, at, length_of(n_c, k), true);
    return pool_load(strip->x, at, length_of(n_c, k), false);
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

static size_t pixel_offset(const struct strip *strip, int h, int w)
{
    return ((size_t)h * (size_t)strip->map->w + (size_t)w) * (size_t)strip->map->c;
}

static bool is_inside(int position, int length)
{
    return position >= 0 && position < length;
}

static void set_windows(struct strip *strip, int ow_begin, int ow_end)
{
    const struct window *win = &strip->map->window;
    strip->ow_begin = ow_begin;
    strip->ow_end = ow_end;
    strip->w_begin = ow_begin * win->stride_w - win->pad_begin_w;
    strip->n_w = (ow_end - ow_begin - 1) * win->stride_w + win->kernel_w;
}

// The reference need not be a maximum, only near: that of one row.
POOL_LOOP_INLINE void set_reference(int n_c, struct strip *strip, int h)
{
    bool has_any = false;
    for (int i = 0; i < strip->n_w; i++) {
        if (!is_inside(strip->w_begin + i, strip->map->w)) continue;
        size_t at = pixel_offset(strip, h, strip->w_begin + i);
        for (int k = 0; k < vectors(n_c); k++) {
            lanes a = load_x(n_c, strip, at, k);
            strip->reference[k] = has_any ? lane_larger(a, strip->reference[k]) : a;
        }
        has_any = true;
    }
}

// e_i and e_i d_i of row h; 0 in the padding.
POOL_LOOP_INLINE void row_terms(int n_c, const struct strip *strip, int h, pixel *e, pixel *ed)
{
    struct soft_scale scale = strip->scale;
    size_t row = (size_t)strip->map->w * (size_t)strip->map->c;
    size_t element = strip->map->is_bf16 ? sizeof(uint16_t) : sizeof(float);
    for (int i = 0; i < strip->n_w; i++) {
        if (!is_inside(h, strip->map->h) || !is_inside(strip->w_begin + i, strip->map->w)) {
            memset(e[i], 0, sizeof e[i]);
            memset(ed[i], 0, sizeof ed[i]);
            continue;
        }
        size_t at = pixel_offset(strip, h, strip->w_begin + i);
        // The processor does not guess the way of a strip: down, not on along the row.
        const char *below = (const char *)strip->x + (strip->first + at + row) * element;
        for (size_t byte = 0; byte < (size_t)n_c * element; byte += 64)
            __builtin_prefetch(below + byte);
        for (int k = 0; k < vectors(n_c); k++) {
            lanes d = soft_distance(load_x(n_c, strip, at, k), strip->reference[k], scale);
            e[i][k] = soft_term(d, scale);
            ed[i][k] = e[i][k] * d;
        }
    }
}

// sums[i]: of the terms in window i's columns.
POOL_LOOP_INLINE void add_columns(int n_c, const struct strip *strip, const pixel *terms,
                                  pixel *sums)
{
    int stride = strip->map->window.stride_w, kernel = strip->map->window.kernel_w;
    for (int i = 0; i < strip->ow_end - strip->ow_begin; i++) {
        const lanes *first = terms[i * stride], *second = terms[i * stride + 1];
        const lanes *third = terms[i * stride + kernel - 1];
        for (int k = 0; k < vectors(n_c); k++) {
            sums[i][k] = first[k] + second[k];
            if (kernel == 3) sums[i][k] += third[k];
        }
    }
}

// Walks down the rows of a strip and keeps what the windows in work need.
struct walk {
    int h;                        // the row last taken
    pixel e[MAX_KERNEL][COLUMNS]; // by h modulo kernel_h, as all that follows
    pixel ed[COLUMNS];            // of row h
    pixel s[MAX_KERNEL][WINDOWS]; // sums of e over each window's columns
    pixel t[MAX_KERNEL][WINDOWS]; // of ed
};

static int slot_of(const struct strip *strip, int h)
{
    int kernel = strip->map->window.kernel_h;
    return (h + kernel) % kernel; // h > -kernel
}

// Takes row h. The window row that it completes, or -1.
POOL_LOOP_INLINE int walk_take(int n_c, struct walk *walk, const struct strip *strip, int h)
{
    const struct window *win = &strip->map->window;
    int slot = slot_of(strip, h), top = h + win->pad_begin_h - win->kernel_h + 1;
    walk->h = h;
    row_terms(n_c, strip, h, walk->e[slot], walk->ed);
    add_columns(n_c, strip, walk->e[slot], walk->s[slot]);
    add_columns(n_c, strip, walk->ed, walk->t[slot]);
    return top >= 0 && top % win->stride_h == 0 ? top / win->stride_h : -1;
}

// Sums s and t of window i of the row just completed. False: too far from the reference.
POOL_LOOP_INLINE bool walk_sums(int n_c, const struct walk *walk, const struct strip *strip, int i,
                                lanes *s, lanes *t)
{
    bool has_three = strip->map->window.kernel_h == 3;
    lane_mask is_good = lane_equal(lane_all(0.0f), lane_all(0.0f));
    for (int k = 0; k < vectors(n_c); k++) {
        s[k] = walk->s[0][i][k] + walk->s[1][i][k];
        t[k] = walk->t[0][i][k] + walk->t[1][i][k];
        if (has_three) {
            s[k] += walk->s[2][i][k];
            t[k] += walk->t[2][i][k];
        }
        lane_mask low = lane_greater(s[k], lane_all(sum_low));
        is_good = lane_both(is_good, lane_both(low, lane_greater(lane_all(sum_high), s[k])));
    }
    return lane_all_set(is_good);
}

static void set_strip(struct strip *strip, const struct pool_map *map, int64_t image,
                      const void *x, int first_channel)
{
    const struct pool_values *values = map->values;
    size_t image_size = (size_t)map->h * (size_t)map->w * (size_t)map->c;
    strip->map = map;
    strip->x = x;
    strip->first = (size_t)image * image_size + (size_t)first_channel;
    strip->scale.log2 = lane_all(values->v[SOFT_LOG2 * values->stride]); // of all channels
    strip->scale.lowest = lane_all(values->v[SOFT_LOWEST * values->stride]);
    strip->slope = lane_all(values->v[SOFT_SLOPE * values->stride]);
    strip->n_c = map->c - first_channel < CHANNELS ? map->c - first_channel : CHANNELS;
}

// first: of the image and the block's first channel in y.
POOL_LOOP_INLINE bool strip_forward(int n_c, struct strip *strip, void *y, size_t first, int begin,
                                    int end)
{
    const struct pool_map *map = strip->map;
    const struct window *win = &map->window;
    struct walk walk;
    pixel s, t;
    set_reference(n_c, strip, smaller(begin * win->stride_h, map->h - 1));
    for (int h = begin * win->stride_h - win->pad_begin_h;; h++) {
        int oh = walk_take(n_c, &walk, strip, h);
        if (oh < begin) continue;
        for (int i = 0; i < strip->ow_end - strip->ow_begin; i++) {
            if (!walk_sums(n_c, &walk, strip, i, s, t)) return false;
            size_t at = (size_t)oh * (size_t)map->ow + (size_t)(strip->ow_begin + i);
            at = first + at * (size_t)map->c;
            for (int k = 0; k < vectors(n_c); k++, at += N_LANES)
                pool_store(y, at, soft_value(strip->reference[k], s[k], t[k]), length_of(n_c, k),
                           map->is_bf16, map->y_streams);
        }
        if (oh == end - 1) return true;
    }
}

bool ISA_NAME(soft_strip_forward)(const struct pool_map *map, int64_t image, const void *x, void *y,
                                  int begin, int end)
{
    struct strip strip;
    bool is_good = true;
    size_t first = (size_t)image * (size_t)map->oh * (size_t)map->ow * (size_t)map->c;
    for (int c = 0; c < map->c && is_good; c += CHANNELS) {
        set_strip(&strip, map, image, x, c);
        for (int ow = 0; ow < map->ow && is_good; ow += OWN) {
            set_windows(&strip, ow, smaller(ow + OWN, map->ow));
            size_t at = first + (size_t)c;
            is_good = strip.n_c == CHANNELS ? strip_forward(CHANNELS, &strip, y, at, begin, end)
                                            : strip_forward(strip.n_c, &strip, y, at, begin, end);
        }
    }
    stream_end();
    return is_good;
}

// What the gradient of every element of a window needs: with g upstream,
// q = g / s and r = q mean_d, dx_i = e_i ((1 + beta d_i) sum q - beta sum r) over the windows of i.
struct shares {
    pixel q[MAX_KERNEL][WINDOWS], r[MAX_KERNEL][WINDOWS]; // by window row modulo kernel_h
};

POOL_LOOP_INLINE bool take_shares(int n_c, struct shares *shares, const struct walk *walk,
                                  const struct strip *strip, const float *dy, int oh)
{
    const struct pool_map *map = strip->map;
    int slot = oh % map->window.kernel_h;
    pixel s, t;
    for (int i = 0; i < strip->ow_end - strip->ow_begin; i++) {
        if (!walk_sums(n_c, walk, strip, i, s, t)) return false;
        size_t at = (size_t)oh * (size_t)map->ow + (size_t)(strip->ow_begin + i);
        for (int k = 0; k < vectors(n_c); k++) {
            lanes inverse = lane_all(1.0f) / s[k];
            lanes g = pool_load(dy, at * (size_t)map->c + (size_t)(k * N_LANES), length_of(n_c, k),
                                false);
            lanes q = g * inverse;
            shares->q[slot][i][k] = q;
            shares->r[slot][i][k] = q * (t[k] * inverse);
        }
    }
    return true;
}

// Shares of one row of the input: over the window rows that contain it, for each window column.
struct row_shares {
    pixel q[WINDOWS], r[WINDOWS];
};

POOL_LOOP_INLINE void add_rows(int n_c, const struct shares *shares, const struct strip *strip,
                               int oh_begin, int oh_end, struct row_shares *row)
{
    int kernel = strip->map->window.kernel_h, n = strip->ow_end - strip->ow_begin;
    for (int oh = oh_begin; oh < oh_end; oh++)
        for (int i = 0; i < n; i++) {
            const lanes *q = shares->q[oh % kernel][i], *r = shares->r[oh % kernel][i];
            for (int k = 0; k < vectors(n_c); k++) {
                row->q[i][k] = oh == oh_begin ? q[k] : row->q[i][k] + q[k];
                row->r[i][k] = oh == oh_begin ? r[k] : row->r[i][k] + r[k];
            }
        }
}

// The element at offset `at`, in n <= 3 of the windows that begin at row->q[i].
POOL_LOOP_INLINE void element_gradient(int n_c, const struct strip *strip,
                                       const struct row_shares *row, int i, int n, size_t at,
                                       const lanes *e, float *dx)
{
    int second = i + (n > 1), third = i + (n > 2 ? 2 : 0);
    for (int k = 0; k < vectors(n_c); k++) {
        lanes q = row->q[i][k], r = row->r[i][k];
        if (n > 1) q += row->q[second][k], r += row->r[second][k];
        if (n > 2) q += row->q[third][k], r += row->r[third][k];
        lanes a = load_x(n_c, strip, at, k);
        lanes d = soft_distance(a, strip->reference[k], strip->scale);
        pool_store(dx, at + (size_t)(k * N_LANES), e[k] * lane_fma(strip->slope, d * q - r, q),
                   length_of(n_c, k), false, strip->map->dx_streams);
    }
}

// Row h of the gradient, columns [w_begin, w_end) where a window contains them.
POOL_LOOP_INLINE void write_row(int n_c, const struct shares *shares, const struct walk *walk,
                                const struct strip *strip, int h, int w_begin, int w_end,
                                float *dx)
{
    const struct pool_map *map = strip->map;
    const struct window *win = &map->window;
    struct row_shares row;
    int oh_begin, oh_end, i = 0, end = 0, n = strip->ow_end - strip->ow_begin;
    window_cover(h, map->oh, win->kernel_h, win->stride_h, win->pad_begin_h, &oh_begin, &oh_end);
    if (oh_begin >= oh_end) return;
    add_rows(n_c, shares, strip, oh_begin, oh_end, &row);
    for (int w = w_begin; w < w_end; w++) {
        int at = w - strip->w_begin; // window i holds [i * stride, i * stride + kernel)
        while (end < n && end * win->stride_w <= at) end++;
        while (i < end && i * win->stride_w + win->kernel_w <= at) i++;
        size_t offset = pixel_offset(strip, h, w);
        const lanes *e = walk->e[slot_of(strip, h)][at];
        if (end - i == 1)
            element_gradient(n_c, strip, &row, i, 1, offset, e, dx);
        else if (end - i == 2)
            element_gradient(n_c, strip, &row, i, 2, offset, e, dx);
        else if (end - i == 3)
            element_gradient(n_c, strip, &row, i, 3, offset, e, dx);
    }
}

// Rows [begin, end) and columns [w_begin, w_end) of dx, the image's at the block's first channel.
POOL_LOOP_INLINE bool strip_backward(int n_c, struct strip *strip, const float *dy, float *dx,
                                     int begin, int end, int w_begin, int w_end)
{
    const struct pool_map *map = strip->map;
    const struct window *win = &map->window;
    int oh_begin, oh_end, unused, next = begin;
    window_cover(begin, map->oh, win->kernel_h, win->stride_h, win->pad_begin_h, &oh_begin,
                 &unused);
    window_cover(end - 1, map->oh, win->kernel_h, win->stride_h, win->pad_begin_h, &unused,
                 &oh_end);
    struct walk walk;
    struct shares shares;
    set_reference(n_c, strip, begin);
    int h = oh_begin * win->stride_h - win->pad_begin_h;
    for (int oh = oh_begin; oh < oh_end; oh++) {
        while (walk_take(n_c, &walk, strip, h++) < oh) continue;
        if (!take_shares(n_c, &shares, &walk, strip, dy, oh)) return false;
        // Rows above the next window's first get nothing more.
        int final = oh + 1 < oh_end ? (oh + 1) * win->stride_h - win->pad_begin_h : h;
        for (; next < final && next < end && next < map->h; next++)
            write_row(n_c, &shares, &walk, strip, next, w_begin, w_end, dx);
    }
    return true;
}

bool ISA_NAME(soft_strip_backward)(const struct pool_map *map, int64_t image, const void *x,
                                   const float *dy, float *dx, int begin, int end)
{
    const struct window *win = &map->window;
    struct strip strip;
    bool is_good = true;
    dx += (size_t)image * (size_t)map->h * (size_t)map->w * (size_t)map->c;
    dy += (size_t)image * (size_t)map->oh * (size_t)map->ow * (size_t)map->c;
    int own = OWN * win->stride_w;
    for (int c = 0; c < map->c && is_good; c += CHANNELS) {
        set_strip(&strip, map, image, x, c);
        for (int w = 0; w < map->w && is_good; w += own) {
            int ow_begin, ow_end, unused, w_end = smaller(w + own, map->w);
            window_cover(w, map->ow, win->kernel_w, win->stride_w, win->pad_begin_w, &ow_begin,
                         &unused);
            window_cover(w_end - 1, map->ow, win->kernel_w, win->stride_w, win->pad_begin_w,
                         &unused, &ow_end);
            if (ow_begin >= ow_end) continue;
            set_windows(&strip, ow_begin, ow_end);
            is_good = strip.n_c == CHANNELS
                          ? strip_backward(CHANNELS, &strip, dy + c, dx + c, begin, end, w, w_end)
                          : strip_backward(strip.n_c, &strip, dy + c, dx + c, begin, end, w, w_end);
        }
    }
    stream_end();
    return is_good;
}
