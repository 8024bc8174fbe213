#include "cpu/roi_align_hot.h"

#include <string.h>

// As many channels at a time as have sums in registers beside what is loaded.
#if defined(__AVX512F__)
enum { LANES = 16 };
#elif defined(__AVX__)
enum { LANES = 8 };
#else
enum { LANES = 4 };
#endif
enum { VECTORS = 4, BLOCK = VECTORS * LANES };
typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));

#define INLINE static inline __attribute__((always_inline))

// n is LANES, a constant, but for the last channels of an odd number.
INLINE lanes load(const float *from, size_t n)
{
    lanes value = {0};
    memcpy(&value, from, n * sizeof *from);
    return value;
}

INLINE void store(float *to, lanes value, size_t n)
{
    memcpy(to, &value, n * sizeof *to);
}

INLINE void pool_channels(const struct roi_window *w, const struct roi_bin *row,
                          const struct roi_bin *column, const float *map, size_t row_floats,
                          float *y, size_t vectors, size_t n)
{
    lanes sum[VECTORS];
#pragma GCC unroll 4
    for (size_t v = 0; v < vectors; v++) sum[v] = (lanes){0};
    for (int32_t i = 0; i < row->n; i++) {
        float row_weight = w->row_weights[row->start + i];
        if (row_weight == 0.0f) continue;
        const float *from = map + (size_t)i * row_floats;
        for (int32_t j = 0; j < column->n; j++, from += w->n_channels) {
            float weight = row_weight * w->column_weights[column->start + j];
#pragma GCC unroll 4
            for (size_t v = 0; v < vectors; v++) sum[v] += weight * load(from + v * LANES, n);
        }
    }
#pragma GCC unroll 4
    for (size_t v = 0; v < vectors; v++) store(y + v * LANES, sum[v] / w->n_samples, n);
}

void ISA_NAME(roi_align_pool)(const struct roi_window *w, const float *map, size_t width, float *y)
{
    size_t row_floats = width * w->n_channels;
    for (size_t bin = 0; bin < w->size * w->size; bin++, y += w->n_channels) {
        const struct roi_bin *row = &w->rows[bin / w->size], *column = &w->columns[bin % w->size];
        const float *from =
            map + (size_t)row->first * row_floats + (size_t)column->first * w->n_channels;
        size_t c = 0;
        for (; c + BLOCK <= w->n_channels; c += BLOCK)
            pool_channels(w, row, column, from + c, row_floats, y + c, VECTORS, LANES);
        for (; c + LANES <= w->n_channels; c += LANES)
            pool_channels(w, row, column, from + c, row_floats, y + c, 1, LANES);
        if (c < w->n_channels)
            pool_channels(w, row, column, from + c, row_floats, y + c, 1, w->n_channels - c);
    }
}

// The rows of bins that touch a row of the map, and their weights of it.
struct touch {
    size_t n, bin[ROI_MAX_SIZE];
    float weight[ROI_MAX_SIZE];
};

static void find_touch(const struct roi_window *w, int32_t row, struct touch *touch)
{
    touch->n = 0;
    for (size_t b = 0; b < w->size; b++) {
        int32_t at = row - w->rows[b].first;
        if (at < 0 || at >= w->rows[b].n) continue;
        float weight = w->row_weights[w->rows[b].start + at];
        if (weight == 0.0f) continue;
        touch->bin[touch->n] = b;
        touch->weight[touch->n++] = weight / w->n_samples;
    }
}

INLINE void spread_channels(const struct roi_window *w, const struct touch *touch,
                            const struct roi_bin *column, const float *dy, float *gradient,
                            size_t vectors, size_t n)
{
    lanes sum[VECTORS];
#pragma GCC unroll 4
    for (size_t v = 0; v < vectors; v++) sum[v] = (lanes){0};
    for (size_t i = 0; i < touch->n; i++) {
        const float *from = dy + touch->bin[i] * w->size * w->n_channels;
#pragma GCC unroll 4
        for (size_t v = 0; v < vectors; v++) sum[v] += touch->weight[i] * load(from + v * LANES, n);
    }
    for (int32_t j = 0; j < column->n; j++, gradient += w->n_channels) {
        float weight = w->column_weights[column->start + j];
#pragma GCC unroll 4
        for (size_t v = 0; v < vectors; v++) {
            float *to = gradient + v * LANES;
            store(to, load(to, n) + weight * sum[v], n);
        }
    }
}

void ISA_NAME(roi_align_spread)(const struct roi_window *w, const float *dy, int32_t row,
                                float *gradient)
{
    struct touch touch;
    find_touch(w, row, &touch);
    if (touch.n == 0) return;
    for (size_t b = 0; b < w->size; b++, dy += w->n_channels) {
        const struct roi_bin *column = &w->columns[b];
        float *to = gradient + (size_t)column->first * w->n_channels;
        size_t c = 0;
        for (; c + BLOCK <= w->n_channels; c += BLOCK)
            spread_channels(w, &touch, column, dy + c, to + c, VECTORS, LANES);
        for (; c + LANES <= w->n_channels; c += LANES)
            spread_channels(w, &touch, column, dy + c, to + c, 1, LANES);
        if (c < w->n_channels)
            spread_channels(w, &touch, column, dy + c, to + c, 1, w->n_channels - c);
    }
}
