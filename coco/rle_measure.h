// Pixels and box of a mask from its runs: private to coco/rle*.c.
#ifndef TARN_COCO_RLE_MEASURE_H
#define TARN_COCO_RLE_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Runs come one by one; area and box grow with them.
struct rle_measure {
    uint32_t height, x, y; // where the next run begins
    uint32_t area;
    uint32_t x_low, x_high, y_low, y_high;
};

static inline struct rle_measure rle_measure_begin(uint32_t height)
{
    struct rle_measure m = {height, 0, 0, 0, UINT32_MAX, 0, UINT32_MAX, 0};
    return m;
}

// Divisions would be most of the time: runs mostly end in their column or in the next one.
static inline void rle_measure_run(struct rle_measure *m, uint32_t count, bool is_foreground)
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

static inline void rle_measure_runs(struct rle_measure *measure, const uint32_t *counts, size_t n,
                                    bool is_foreground)
{
    struct rle_measure m = *measure; // in registers
    for (size_t i = 0; i < n; i++, is_foreground = !is_foreground)
        rle_measure_run(&m, counts[i], is_foreground);
    *measure = m;
}

static inline void rle_measure_box(const struct rle_measure *m, double box[4])
{
    box[0] = box[1] = box[2] = box[3] = 0;
    if (m->area == 0) return;
    box[0] = m->x_low;
    box[1] = m->y_low;
    box[2] = (double)(m->x_high - m->x_low + 1);
    box[3] = (double)(m->y_high - m->y_low + 1);
}

#ifdef __cplusplus
}
#endif
#endif
