#include "cpu/gemm_hot.h"

#include <string.h>

// A tile of ROWS x COLUMNS registers of sums; two more hold a row of b. AVX-512 has 32 registers,
// the others 16. PANEL_ROWS: the same where a panel of 32 rows is cut into tiles.
#if defined(__AVX512F__)
enum { LANES = 16, ROWS = 14, PANEL_ROWS = 11 };
#elif defined(__AVX__)
enum { LANES = 8, ROWS = 6, PANEL_ROWS = 6 };
#else
enum { LANES = 4, ROWS = 6, PANEL_ROWS = 6 };
#endif
enum { COLUMNS = 2, WIDTH = COLUMNS * LANES, LINE = 16 };
typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));

#define INLINE static inline __attribute__((always_inline))

INLINE lanes load(const float *from)
{
    lanes value;
    memcpy(&value, from, sizeof value);
    return value;
}

INLINE void store(float *to, lanes value)
{
    memcpy(to, &value, sizeof value);
}

// `rows`, and one of the steps through a, are constants wherever this is inlined, so that the sums
// stay in registers. `ahead` is asked for meanwhile: a line of each row of the next panel.
INLINE void tile(const struct gemm *g, size_t rows, size_t a_row, size_t a_depth, const float *a,
                 const float *b, float *c, const float *ahead)
{
    lanes sum[ROWS][COLUMNS];
#pragma GCC unroll 16
    for (size_t i = 0; i < rows; i++) sum[i][0] = sum[i][1] = (lanes){0};
    for (size_t k = 0; k < g->depth; k++) {
        lanes b0 = load(b + k * GEMM_PANEL), b1 = load(b + k * GEMM_PANEL + LANES);
        __builtin_prefetch(ahead + k * GEMM_PANEL, 0, 2);
#pragma GCC unroll 16
        for (size_t i = 0; i < rows; i++) {
            float value = a[i * a_row + k * a_depth];
            sum[i][0] += value * b0;
            sum[i][1] += value * b1;
        }
    }
#pragma GCC unroll 16
    for (size_t i = 0; i < rows; i++) {
        float *to = c + i * g->c_row;
        if (g->add) {
            sum[i][0] += load(to);
            sum[i][1] += load(to + LANES);
        }
        store(to, sum[i][0]);
        store(to + LANES, sum[i][1]);
    }
}

// `n` <= ROWS is not a constant here.
INLINE void some_rows(const struct gemm *g, size_t n, size_t a_row, size_t a_depth, const float *a,
                      const float *b, float *c, const float *ahead)
{
    switch (n) {
    case 0: break;
    case 1: tile(g, 1, a_row, a_depth, a, b, c, ahead); break;
    case 2: tile(g, 2, a_row, a_depth, a, b, c, ahead); break;
    case 3: tile(g, 3, a_row, a_depth, a, b, c, ahead); break;
    case 4: tile(g, 4, a_row, a_depth, a, b, c, ahead); break;
    case 5: tile(g, 5, a_row, a_depth, a, b, c, ahead); break;
#if defined(__AVX512F__)
    case 6: tile(g, 6, a_row, a_depth, a, b, c, ahead); break;
    case 7: tile(g, 7, a_row, a_depth, a, b, c, ahead); break;
    case 8: tile(g, 8, a_row, a_depth, a, b, c, ahead); break;
    case 9: tile(g, 9, a_row, a_depth, a, b, c, ahead); break;
    case 10: tile(g, 10, a_row, a_depth, a, b, c, ahead); break;
    case 11: tile(g, 11, a_row, a_depth, a, b, c, ahead); break;
    case 12: tile(g, 12, a_row, a_depth, a, b, c, ahead); break;
    case 13: tile(g, 13, a_row, a_depth, a, b, c, ahead); break;
#endif
    default: tile(g, ROWS, a_row, a_depth, a, b, c, ahead); break;
    }
}

// A panel's first tiles of rows fetch the next panel.
INLINE void plain_rows(const struct gemm *g, const float *b, float *c)
{
    const float *next = b + g->b_panel;
    size_t i = 0, line = 0;
    for (; i + ROWS <= g->n_rows; i += ROWS, line += LINE)
        tile(g, ROWS, g->a_row, 1, g->a + i * g->a_row, b, c + i * g->c_row,
             line < WIDTH ? next + line : b);
    some_rows(g, g->n_rows - i, g->a_row, 1, g->a + i * g->a_row, b, c + i * g->c_row,
              line < WIDTH ? next + line : b);
}

INLINE void panel_rows(const struct gemm *g, const float *b, float *c)
{
    const float *next = b + g->b_panel;
    for (size_t i = 0, line = 0; i < g->n_rows;) {
        size_t in_panel = i % GEMM_PANEL, left = GEMM_PANEL - in_panel;
        if (left > g->n_rows - i) left = g->n_rows - i;
        const float *a = g->a + i / GEMM_PANEL * g->a_panel + in_panel;
        const float *ahead = line < WIDTH ? next + line : b;
        if (left >= PANEL_ROWS) {
            left = PANEL_ROWS;
            tile(g, PANEL_ROWS, 1, GEMM_PANEL, a, b, c + i * g->c_row, ahead);
        } else {
            some_rows(g, left, 1, GEMM_PANEL, a, b, c + i * g->c_row, ahead);
        }
        i += left;
        line += LINE;
    }
}

void ISA_NAME(gemm_run)(const struct gemm *g)
{
    for (size_t panel = 0; panel < g->n_panels; panel++)
        for (size_t column = 0; column < GEMM_PANEL; column += WIDTH) {
            const float *b = g->b + panel * g->b_panel + column;
            float *c = g->c + panel * GEMM_PANEL + column;
            if (g->a_panel) panel_rows(g, b, c);
            else plain_rows(g, b, c);
        }
}
