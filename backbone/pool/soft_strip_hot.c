#include "backbone/pool/soft_strip_hot.h"

#include <string.h>

// A strip is some columns of the map and a block of channels: so few that the rows in work stay
// near the first-level cache, so many that what neighbours compute twice costs little.
enum {
    CHANNELS = 64,
    MAX_KERNEL = 3,
    OWN = 8,           // windows (forward) or strides of columns (backward)
    WINDOWS = OWN + 2, // backward needs the neighbours' too
    COLUMNS = (WINDOWS - 1) * MAX_KERNEL + MAX_KERNEL
};

typedef float pixel[CHANNELS];

// Sums within this range of the reference's own term keep their precision: rounding errors of a
// distance d grow with d.
static const float sum_low = 1e-9f, sum_high = 1e9f;

struct strip {
    const struct pool_map *map;
    const float *x; // the image, at the first channel of the block
    struct soft_scale scale;
    int n_c;
    int ow_begin, ow_end; // windows
    int w_begin, n_w;     // columns that they read; some may lie in the padding
    POOL_ALIGNED float reference[CHANNELS];
};

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
static void set_reference(struct strip *strip, int h)
{
    bool has_any = false;
    for (int i = 0; i < strip->n_w; i++) {
        if (!is_inside(strip->w_begin + i, strip->map->w)) continue;
        const float *a = strip->x + pixel_offset(strip, h, strip->w_begin + i);
        if (!has_any) memcpy(strip->reference, a, (size_t)strip->n_c * sizeof(float));
        has_any = true;
        for (int c = 0; c < strip->n_c; c++)
            strip->reference[c] = soft_larger(a[c], strip->reference[c]);
    }
}

// e_i and e_i d_i of row h; 0 in the padding.
POOL_LOOP_INLINE void row_terms(int n_c, const struct strip *strip, int h, pixel *e, pixel *ed)
{
    struct soft_scale scale = strip->scale;
    size_t row = (size_t)strip->map->w * (size_t)strip->map->c;
    for (int i = 0; i < strip->n_w; i++) {
        if (!is_inside(h, strip->map->h) || !is_inside(strip->w_begin + i, strip->map->w)) {
            memset(e[i], 0, sizeof e[i]);
            memset(ed[i], 0, sizeof ed[i]);
            continue;
        }
        const float *restrict a = strip->x + pixel_offset(strip, h, strip->w_begin + i);
        float *restrict to_e = e[i], *restrict to_ed = ed[i];
        // The processor does not guess the way of a strip: down, not on along the row.
        for (int c = 0; c < n_c; c += 16) __builtin_prefetch(a + row + c);
#pragma omp simd
        for (int c = 0; c < n_c; c++) {
            float d = soft_distance(a[c], strip->reference[c], scale);
            to_e[c] = soft_term(d, scale);
            to_ed[c] = to_e[c] * d;
        }
    }
}

// sums[i]: of the terms in window i's columns.
POOL_LOOP_INLINE void add_columns(int n_c, const struct strip *strip, const pixel *terms,
                                  pixel *sums)
{
    int stride = strip->map->window.stride_w, kernel = strip->map->window.kernel_w;
    for (int i = 0; i < strip->ow_end - strip->ow_begin; i++) {
        const float *restrict first = terms[i * stride], *restrict second = terms[i * stride + 1];
        const float *restrict third = terms[i * stride + kernel - 1];
        float *restrict sum = sums[i];
        if (kernel == 3)
            for (int c = 0; c < n_c; c++) sum[c] = first[c] + second[c] + third[c];
        else
            for (int c = 0; c < n_c; c++) sum[c] = first[c] + second[c];
    }
}

// Walks down the rows of a strip and keeps what the windows in work need.
struct walk {
    int h;                                     // the row last taken
    POOL_ALIGNED pixel e[MAX_KERNEL][COLUMNS]; // by h modulo kernel_h, as all that follows
    POOL_ALIGNED pixel ed[COLUMNS];            // of row h
    POOL_ALIGNED pixel s[MAX_KERNEL][WINDOWS]; // sums of e over each window's columns
    POOL_ALIGNED pixel t[MAX_KERNEL][WINDOWS]; // of ed
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
                                float *restrict s, float *restrict t)
{
    bool has_three = strip->map->window.kernel_h == 3;
    int is_bad = 0;
    const float *s2 = walk->s[has_three ? 2 : 1][i], *t2 = walk->t[has_three ? 2 : 1][i];
#pragma omp simd reduction(| : is_bad)
    for (int c = 0; c < n_c; c++) {
        float sum = walk->s[0][i][c] + walk->s[1][i][c];
        s[c] = has_three ? sum + s2[c] : sum;
        sum = walk->t[0][i][c] + walk->t[1][i][c];
        t[c] = has_three ? sum + t2[c] : sum;
        is_bad |= !(s[c] >= sum_low) | !(s[c] <= sum_high);
    }
    return !is_bad;
}

static void set_strip(struct strip *strip, const struct pool_map *map, int64_t image,
                      const float *x, int first_channel)
{
    const struct soft_args *args = map->args;
    strip->map = map;
    strip->x = x + (size_t)image * (size_t)map->h * (size_t)map->w * (size_t)map->c + first_channel;
    strip->scale = soft_scale_of(args->beta);
    strip->n_c = map->c - first_channel < CHANNELS ? map->c - first_channel : CHANNELS;
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

static void write(float *to, const float *from, int n, bool streams)
{
    if (streams && n == CHANNELS)
        stream_copy(to, from, CHANNELS * sizeof(float));
    else
        memcpy(to, from, (size_t)n * sizeof(float));
}

// y: the image's, at the first channel of the block.
POOL_LOOP_INLINE bool strip_forward(int n_c, const struct strip *strip, float *y, int begin,
                                    int end)
{
    const struct pool_map *map = strip->map;
    const struct window *win = &map->window;
    struct walk walk;
    POOL_ALIGNED pixel s, t, out;
    for (int h = begin * win->stride_h - win->pad_begin_h;; h++) {
        int oh = walk_take(n_c, &walk, strip, h);
        if (oh < begin) continue;
        for (int i = 0; i < strip->ow_end - strip->ow_begin; i++) {
            if (!walk_sums(n_c, &walk, strip, i, s, t)) return false;
            for (int c = 0; c < n_c; c++) out[c] = soft_value(strip->reference[c], s[c], t[c]);
            size_t at = (size_t)oh * (size_t)map->ow + (size_t)(strip->ow_begin + i);
            write(y + at * (size_t)map->c, out, n_c, map->y_streams);
        }
        if (oh == end - 1) return true;
    }
}

bool ISA_NAME(soft_strip_forward)(const struct pool_map *map, int64_t image, const float *x,
                                  float *y, int begin, int end)
{
    struct strip strip;
    bool is_good = true;
    y += (size_t)image * (size_t)map->oh * (size_t)map->ow * (size_t)map->c;
    for (int c = 0; c < map->c && is_good; c += CHANNELS) {
        set_strip(&strip, map, image, x, c);
        for (int ow = 0; ow < map->ow && is_good; ow += OWN) {
            set_windows(&strip, ow, smaller(ow + OWN, map->ow));
            set_reference(&strip, smaller(begin * map->window.stride_h, map->h - 1));
            is_good = strip.n_c == CHANNELS ? strip_forward(CHANNELS, &strip, y + c, begin, end)
                                            : strip_forward(strip.n_c, &strip, y + c, begin, end);
        }
    }
    stream_end();
    return is_good;
}

// What the gradient of every element of a window needs: with g upstream,
// q = g / s and r = q mean_d, dx_i = e_i ((1 + beta d_i) sum q - beta sum r) over the windows of i.
struct shares {
    POOL_ALIGNED pixel q[MAX_KERNEL][WINDOWS],
        r[MAX_KERNEL][WINDOWS]; // by window row modulo kernel_h
};

POOL_LOOP_INLINE bool take_shares(int n_c, struct shares *shares, const struct walk *walk,
                                  const struct strip *strip, const float *dy, int oh)
{
    const struct pool_map *map = strip->map;
    int slot = oh % map->window.kernel_h;
    POOL_ALIGNED pixel s, t;
    for (int i = 0; i < strip->ow_end - strip->ow_begin; i++) {
        if (!walk_sums(n_c, walk, strip, i, s, t)) return false;
        size_t at = (size_t)oh * (size_t)map->ow + (size_t)(strip->ow_begin + i);
        const float *restrict g = dy + at * (size_t)map->c;
        float *restrict q = shares->q[slot][i], *restrict r = shares->r[slot][i];
#pragma omp simd
        for (int c = 0; c < n_c; c++) {
            float inverse = 1.0f / s[c];
            q[c] = g[c] * inverse;
            r[c] = q[c] * (t[c] * inverse);
        }
    }
    return true;
}

// Shares of one row of the input: over the window rows that contain it, for each window column.
struct row_shares {
    POOL_ALIGNED pixel q[WINDOWS], r[WINDOWS];
};

POOL_LOOP_INLINE void add_rows(int n_c, const struct shares *shares, const struct strip *strip,
                               int oh_begin, int oh_end, struct row_shares *row)
{
    int kernel = strip->map->window.kernel_h, n = strip->ow_end - strip->ow_begin;
    for (int oh = oh_begin; oh < oh_end; oh++)
        for (int i = 0; i < n; i++) {
            const float *restrict q = shares->q[oh % kernel][i], *restrict r =
                                                                     shares->r[oh % kernel][i];
            float *restrict row_q = row->q[i], *restrict row_r = row->r[i];
            if (oh == oh_begin)
                for (int c = 0; c < n_c; c++) row_q[c] = q[c], row_r[c] = r[c];
            else
                for (int c = 0; c < n_c; c++) row_q[c] += q[c], row_r[c] += r[c];
        }
}

// An element in n <= 3 of the windows that begin at row->q[i].
POOL_LOOP_INLINE void element_gradient(int n_c, const struct strip *strip,
                                       const struct row_shares *row, int i, int n,
                                       const float *restrict a, const float *restrict e,
                                       float slope_beta, float *restrict dx)
{
    int second = i + (n > 1), third = i + (n > 2 ? 2 : 0);
#pragma omp simd
    for (int c = 0; c < n_c; c++) {
        float q = row->q[i][c], r = row->r[i][c];
        if (n > 1) q += row->q[second][c], r += row->r[second][c];
        if (n > 2) q += row->q[third][c], r += row->r[third][c];
        float d = soft_distance(a[c], strip->reference[c], strip->scale);
        dx[c] = e[c] * vec_fma(slope_beta, d * q - r, q);
    }
}

// Row h of the gradient, columns [w_begin, w_end) where a window contains them.
POOL_LOOP_INLINE void write_row(int n_c, const struct shares *shares, const struct walk *walk,
                                const struct strip *strip, float slope_beta, int h, int w_begin,
                                int w_end, float *dx)
{
    const struct pool_map *map = strip->map;
    const struct window *win = &map->window;
    struct row_shares row;
    POOL_ALIGNED pixel out;
    int oh_begin, oh_end, i = 0, end = 0, n = strip->ow_end - strip->ow_begin;
    window_cover(h, map->oh, win->kernel_h, win->stride_h, win->pad_begin_h, &oh_begin, &oh_end);
    if (oh_begin >= oh_end) return;
    add_rows(n_c, shares, strip, oh_begin, oh_end, &row);
    for (int w = w_begin; w < w_end; w++) {
        int at = w - strip->w_begin; // window i holds [i * stride, i * stride + kernel)
        while (end < n && end * win->stride_w <= at) end++;
        while (i < end && i * win->stride_w + win->kernel_w <= at) i++;
        const float *a = strip->x + pixel_offset(strip, h, w);
        const float *e = walk->e[slot_of(strip, h)][at];
        if (end - i == 1)
            element_gradient(n_c, strip, &row, i, 1, a, e, slope_beta, out);
        else if (end - i == 2)
            element_gradient(n_c, strip, &row, i, 2, a, e, slope_beta, out);
        else if (end - i == 3)
            element_gradient(n_c, strip, &row, i, 3, a, e, slope_beta, out);
        else
            continue; // in no window
        write(dx + pixel_offset(strip, h, w), out, n_c, map->dx_streams);
    }
}

// Rows [begin, end) and columns [w_begin, w_end) of dx, the image's at the block's first channel.
POOL_LOOP_INLINE bool strip_backward(int n_c, const struct strip *strip, const float *dy, float *dx,
                                     int begin, int end, int w_begin, int w_end)
{
    const struct pool_map *map = strip->map;
    const struct window *win = &map->window;
    const struct soft_args *args = map->args;
    float slope_beta = args->grad == SOFT_EXACT ? (float)args->beta : 0.0f;
    int oh_begin, oh_end, unused, next = begin;
    window_cover(begin, map->oh, win->kernel_h, win->stride_h, win->pad_begin_h, &oh_begin,
                 &unused);
    window_cover(end - 1, map->oh, win->kernel_h, win->stride_h, win->pad_begin_h, &unused,
                 &oh_end);
    struct walk walk;
    struct shares shares;
    int h = oh_begin * win->stride_h - win->pad_begin_h;
    for (int oh = oh_begin; oh < oh_end; oh++) {
        while (walk_take(n_c, &walk, strip, h++) < oh) continue;
        if (!take_shares(n_c, &shares, &walk, strip, dy, oh)) return false;
        // Rows above the next window's first get nothing more.
        int final = oh + 1 < oh_end ? (oh + 1) * win->stride_h - win->pad_begin_h : h;
        for (; next < final && next < end && next < map->h; next++)
            write_row(n_c, &shares, &walk, strip, slope_beta, next, w_begin, w_end, dx);
    }
    return true;
}

bool ISA_NAME(soft_strip_backward)(const struct pool_map *map, int64_t image, const float *x,
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
            set_reference(&strip, begin);
            is_good = strip.n_c == CHANNELS
                          ? strip_backward(CHANNELS, &strip, dy + c, dx + c, begin, end, w, w_end)
                          : strip_backward(strip.n_c, &strip, dy + c, dx + c, begin, end, w, w_end);
        }
    }
    stream_end();
    return is_good;
}
